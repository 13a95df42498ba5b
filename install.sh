#!/usr/bin/env bash
# Create a virtual environment (if it is not there) and install pigmm into it, editable, with the given extras.
# Usage: ./install.sh VENV EXTRAS
set -euo pipefail
venv=$1 extras=$2

find_python() {
    # PYTHON wins; then the newest that torch has wheels for.
    for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3 python; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    echo "error: pigmm needs Python 3.11 or newer with the venv module, and found none." >&2
    echo "Install it (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python;" >&2
    echo "Fedora: dnf install python3), or name one: make study PYTHON=/path/to/python3" >&2
    exit 1
}

if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    echo "Creating $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
fi
echo "Installing pigmm[$extras] into $venv (the first time this fetches PyTorch and takes a few minutes)"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable ".[$extras]"
