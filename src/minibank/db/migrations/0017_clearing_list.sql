-- The files of all years are listed a page at a time.
CREATE INDEX clearing_files_began ON clearing_files (began_at, id);
