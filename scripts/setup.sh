#!/usr/bin/env bash
# Create .venv and install the package into it: scripts/setup.sh core|dev
#
# core = what the demo needs; dev = core plus all extras, tests, linters. A stamp file records which
# pyproject.toml, constraints.txt, Python and folder an installation was made from, so a second call
# costs nothing and a change of any of them installs again.
set -euo pipefail
cd "$(dirname "$0")/.."
unset PYTHONDONTWRITEBYTECODE  # without bytecode every later process parses torch again

kind=${1:-}
python=${PYTHON:-python3}
apt_line="sudo apt-get install -y git make python3-venv"

fail() {
  echo "setup: $1" >&2
  exit 1
}

case "$kind" in
  core | dev) ;;
  *) fail "expected 'core' or 'dev', got '${kind}'." ;;
esac
for tool in git make "$python"; do
  command -v "$tool" >/dev/null || fail "this needs the program $tool, which is missing; on Debian or Ubuntu: $apt_line"
done
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "Python 3.11 or newer is needed, $python is $("$python" -V 2>&1); point the variable PYTHON at a newer one."
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  fail "Python's venv module is incomplete; on Debian or Ubuntu: $apt_line"

stamp_text=$(
  cat pyproject.toml constraints.txt
  "$python" -V
  pwd
)
is_current() {
  [ -x .venv/bin/python ] && [ "$(cat ".venv/installed-$1" 2>/dev/null)" = "$stamp_text" ]
}
# A development set-up has everything the core has.
if is_current dev || { [ "$kind" = core ] && is_current core; }; then
  exit 0
fi

# A .venv of another Python version, or one whose interpreter is gone, cannot be mended by pip.
if [ -e .venv ] && [ "$(.venv/bin/python -c 'import pip, sys; print(sys.version)' 2>/dev/null)" != \
  "$("$python" -c 'import sys; print(sys.version)')" ]; then
  rm -rf .venv
fi
target=.
if [ "$kind" = dev ]; then target='.[dev]'; fi
echo "setup: installing seehear ($kind) into .venv; this takes a few minutes the first time" >&2
[ -x .venv/bin/python ] || "$python" -m venv .venv
rm -f .venv/installed-core .venv/installed-dev
.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e "$target"
printf '%s' "$stamp_text" >".venv/installed-$kind"
