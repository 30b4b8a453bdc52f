"""The names under which the API has been known; clients from those years have them built in."""

HISTORIC_HOSTS = (
    "mini.mondobank.io",
    "production-api.gmon.io",
    "api.getmondo.co.uk",
    "auth.getmondo.co.uk",
    "api.monzo.com",
    "auth.monzo.com",
)
"""In the order of their appearance, from 2015 to 2016."""
