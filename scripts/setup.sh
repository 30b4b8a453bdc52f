#!/bin/sh
# Makes .venv and installs exactly what the lock files say. Called by make: setup.sh runtime|dev
# Needs a POSIX shell and Python 3.11 or newer with its venv module, and says what is missing when it cannot go on.
set -eu

kind=${1:-runtime}
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
# A pip configured to install into the home directory would miss the virtual environment.
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0

say() { printf '%s\n' "$*" >&2; }
stop() { for line in "$@"; do say "$line"; done; exit 1; }

is_usable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3 python; do
        if is_usable "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

how_to_get_python() {
    if [ -f /etc/debian_version ]; then say "  sudo apt-get install python3 python3-venv        (Debian 12+, Ubuntu 24.04+)"
    elif [ -f /etc/fedora-release ] || [ -f /etc/redhat-release ]; then say "  sudo dnf install python3.12"
    elif [ -f /etc/alpine-release ]; then say "  apk add python3"
    elif [ -f /etc/arch-release ]; then say "  sudo pacman -S python"
    elif [ "$(uname -s)" = Darwin ]; then say "  brew install python@3.13"
    fi
    say "or name one that is not on PATH:  make ${MAKECMDGOALS:-test} PYTHON=/path/to/python3.12"
}

# Distributions split the standard library: name the package that holds the missing part.
require_modules() {
    missing=$("$1" - <<'PY'
import importlib.util, sys

version = "%d.%d" % sys.version_info[:2]
parts = (("venv", "venv"), ("ensurepip", "venv"), ("ssl", "ssl"), ("sqlite3", "sqlite3"), ("_sqlite3", "sqlite3"))
missing = {name for module, name in parts if importlib.util.find_spec(module) is None}
print(version, *sorted(missing))
PY
    )
    version=${missing%% *}
    case $missing in *\ *) parts=${missing#* } ;; *) return 0 ;; esac
    say "The Python found ($1, $version) lacks a part of its standard library that minibank needs: $parts."
    case " $parts " in
        *" venv "*)
            if [ -f /etc/debian_version ]; then
                say "Install the system package python$version-venv:  sudo apt-get install python$version-venv"
            else
                say "Install the system package that holds Python's venv and ensurepip (often python3-venv or python3-pip)."
            fi ;;
    esac
    case " $parts " in
        *" sqlite3 "* | *" ssl "*)
            say "A Python built from source needs the headers first: libsqlite3-dev and libssl-dev (Debian), sqlite-devel and openssl-devel (Fedora); then build it again." ;;
    esac
    exit 1
}

if [ -e "$venv" ] && ! is_usable "$venv/bin/python"; then
    say "$venv was made by a Python that is gone or too old: making it again."
    rm -rf "$venv"
fi
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    if ! python=$(find_python); then
        say "minibank needs Python 3.11 or newer, and none was found on PATH."
        how_to_get_python
        exit 1
    fi
    require_modules "$python"
    say "Making $venv with $("$python" --version) ..."
    "$python" -m venv --clear "$venv" || stop "Could not make a virtual environment in $(pwd)/$venv (see above)."
fi

install() {
    "$venv/bin/python" -m pip install --quiet "$@" || stop \
        "" \
        "Installing the locked dependencies failed (see above). Usual causes:" \
        "  no way to the Python package index: check the network, or the proxy settings of pip;" \
        "  no ready-made wheel for this system: it is compiled then, and needs a C compiler and Python's headers" \
        "  (Debian: sudo apt-get install build-essential python3-dev; Fedora: sudo dnf install gcc python3-devel; macOS: xcode-select --install)."
}

say "Installing the locked dependencies ($kind); the first time takes about a minute ..."
install --require-hashes -r "requirements/$kind.lock"
if [ "$kind" = runtime ]; then
    install --require-hashes -r requirements/build.lock
fi
install --no-deps --no-build-isolation --editable .
touch "$venv/.installed-$kind"
