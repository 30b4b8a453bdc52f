import subprocess, sys
def test_m(databases):
    url = databases.new("postgres")
    out = subprocess.run([sys.executable, "/tmp/audit_scratch/measure.py", url], capture_output=True, text=True)
    open("/tmp/audit_scratch/pg.out","w").write(out.stdout+out.stderr)
