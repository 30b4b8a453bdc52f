"""Reading the books: entry sets, balances at any instant, open holds, answers, the journal."""
