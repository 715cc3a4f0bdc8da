# Sourced by ./demo and ./test: makes virtual environments with the project in them, once.
# Usage: prepare FOLDER EXTRAS FIRST, such as: prepare .venv "[test]" torch

fail() {
    echo "$1" >&2
    exit 1
}

find_python() {
    for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3.10 python3 python; do
        [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
        "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
            2>/dev/null && { echo "$candidate"; return; }
    done
    found=$(python3 --version 2>/dev/null || echo "no Python")
    fail "idfd needs Python 3.10 to 3.13, and this machine has $found. Install one of them (Debian: 'apt install python3 python3-venv'), or set PYTHON to it."
}

# Make the environment in folder $1 with the extras $2, and the packages $3 before them.
prepare() {
    venv=$1 extras=$2 first=$3
    python=$(find_python) || exit 1
    # The folder counts too: an environment does not survive being moved.
    want=$("$python" --version; pwd; cat setup.cfg constraints.txt)
    stamp="$venv/installed-$(echo "$extras" | tr -dc 'a-z-')"
    [ -x $venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && return
    if ! $venv/bin/python -c '' 2>/dev/null || [ "$(cat $venv/folder 2>/dev/null)" != "$(pwd)" ]; then
        rm -rf $venv
    fi
    [ -x $venv/bin/python ] || "$python" -m venv $venv || {
        rm -rf $venv
        fail "Python cannot make a virtual environment. On Debian: 'apt install python3-venv'."
    }
    pwd >$venv/folder
    echo "Installing into $venv (the first time takes a few minutes) ..."
    pip="-m pip --disable-pip-version-check -q"
    # Python compiles a module when it is first imported; most of those installed never are.
    install="install --no-compile -c constraints.txt"
    { [ -z "$first" ] || $venv/bin/python $pip $install $first; } 2>$venv/pip.log &&
        $venv/bin/python $pip $install -e ".$extras" 2>>$venv/pip.log || {
        cat $venv/pip.log >&2
        fail "The installation failed; the messages above say why. Mend it and run this again."
    }
    if ! message=$($venv/bin/python -c 'import cv2' 2>&1); then
        echo "OpenCV cannot be loaded here: $(echo "$message" | tail -n 1)"
        echo "opencv-python needs system libraries (Debian: 'apt install libgl1 libglib2.0-0');"
        echo "taking the wheel opencv-python-headless, which needs none."
        version=$($venv/bin/python $pip freeze | sed -n 's/^opencv-python==//p')
        $venv/bin/python $pip uninstall -y opencv-python &&
            $venv/bin/python $pip install "opencv-python-headless${version:+==$version}" ||
            fail "Neither opencv-python nor opencv-python-headless can be used here."
    fi
    echo "$want" >"$stamp"
}
