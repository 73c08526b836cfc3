#!/bin/sh
# Unpacks Debian's rustc 1.63 with its standard libraries for wasm32-unknown-unknown and wasm32-wasi into a folder, for testing
# guests with an old compiler, and where rustup has no target for WebAssembly. Nothing is installed and root is not
# needed; apt-get must know a Debian 12 mirror. Prints the compiler's sysroot.
#
#   sh guest-sdk/debian-rust.sh FOLDER
set -eu
folder=${1:?usage: sh guest-sdk/debian-rust.sh FOLDER}
mkdir -p "$folder"
cd "$folder"
if [ ! -e done ]; then
  packages='rustc=1.63.* libstd-rust-1.63 libstd-rust-dev libstd-rust-dev-wasm32 libllvm14'
  # A new machine may have no lists of packages yet; fetching them takes root.
  # shellcheck disable=SC2086 # one word for each package
  apt-get download -q $packages >&2 || { apt-get update -q >&2 && apt-get download -q $packages >&2; }
  for package in ./*.deb; do dpkg -x "$package" unpacked; done
  rm -f ./*.deb
  touch done
fi
echo "$PWD/unpacked/usr"
