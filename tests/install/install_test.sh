#!/usr/bin/env bash
# What is installed is enough for an app: far from the sources it finds Causeway, compiles, links and
# runs, once by find_package and once by pkg-config; and the headers bring along no package but those
# that they promise.
#
#   install_test.sh BUILD_DIR COMPILER
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$1
compiler=$2
# Only what this script installs may be found.
unset CMAKE_PREFIX_PATH CPATH CPLUS_INCLUDE_PATH LIBRARY_PATH PKG_CONFIG_PATH Causeway_DIR

dir=$(mktemp -d "${TMPDIR:-/tmp}/causeway-install.XXXXXX")
daemon=""
clean_up() {
  if [[ -n $daemon ]]; then
    kill -9 "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
  fi
  rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

fail() {
  echo "install: $*" >&2
  exit 1
}

# quietly COMMAND...: its output is shown only when it fails.
quietly() {
  "$@" >"$dir/output" 2>&1 || {
    cat "$dir/output" >&2
    fail "failed: $*"
  }
}

# expect OUTPUT COMMAND...
expect() {
  local want=$1 out
  shift
  out=$("$@") || fail "exit code $? of: $*"
  [[ $out == "$want" ]] || fail "\"$out\" in place of \"$want\" from: $*"
}

# ---- Install, and move the tree: nothing in it may know where it was first.

quietly cmake --install "$build" --prefix "$dir/first"
mv "$dir/first" "$dir/causeway"
prefix=$dir/causeway
if grep -rlF "$dir/first" "$prefix" --include='*.cmake' --include='*.pc'; then
  fail "these files name the place of the installation"
fi
cp -r "$here/app" "$dir/app" # away from our own include/ and src/

# ---- find_package

quietly cmake -S "$dir/app" -B "$dir/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug \
  -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$prefix"
grep -q "^Causeway_DIR:PATH=$prefix/" "$dir/build/CMakeCache.txt" ||
  fail "find_package took another Causeway than the one just installed"
quietly cmake --build "$dir/build" --parallel 2
expect "app: all as promised" "$dir/build/app" "$dir/data-app"

# ---- A client alone, against the installed daemon

"$prefix/bin/kvd" --listen 127.0.0.1:0 --data-dir "$dir/data-kvd" --election-timeout 200ms \
  --heartbeat-interval 50ms --log-level error >"$dir/ready" 2>"$dir/log" &
daemon=$!
for ((i = 0; i < 600; ++i)); do
  [[ ! -s $dir/ready ]] || break
  kill -0 "$daemon" 2>/dev/null || fail "kvd did not start: $(<"$dir/log")"
  sleep 0.1
done
read -r _ _ address <"$dir/ready" || fail "kvd is not ready after a minute"
expect "remote: all as promised" "$dir/build/remote" "$address"
expect "world" "$prefix/bin/kvcli" --server "$address" get hello

# ---- pkg-config

pc=$(find "$prefix" -name causeway.pc)
[[ -n $pc ]] || fail "no causeway.pc was installed"
export PKG_CONFIG_PATH=${pc%/*}
read -ra cflags < <(pkg-config --cflags causeway)
read -ra libs < <(pkg-config --libs causeway)
quietly "$compiler" -O0 -Wall -Wextra -Werror "${cflags[@]}" -o "$dir/app-pc" "$dir/app/app.cpp" "${libs[@]}"
expect "app: all as promised" "$dir/app-pc" "$dir/data-app-pc"
quietly "$compiler" -O0 -Wall -Wextra -Werror "${cflags[@]}" -o "$dir/remote-pc" "$dir/app/remote.cpp" "${libs[@]}"
expect "remote: all as promised" "$dir/remote-pc" "$address"

# ---- What the headers bring along: std; Outcome, by result.hpp; Asio, by asio.hpp alone.

packages='/(msgpack|rocksdb|spdlog|fmt|nlohmann|CLI|toml\+\+)/|/xxh|/boost/(archive|serialization|beast)/'
asio='/boost/asio'
for header in "$prefix"/include/causeway/*.hpp; do
  forbidden="$packages|$asio"
  [[ $header != */asio.hpp ]] || forbidden=$packages
  "$compiler" -std=c++20 -I "$prefix/include" -M "$header" >"$dir/needs" ||
    fail "$header does not compile alone"
  if grep -m 3 -E "$forbidden" "$dir/needs" >&2; then
    fail "${header##*/} needs more than it promises (see the lines above)"
  fi
done

echo "install: an app works with what is installed"
