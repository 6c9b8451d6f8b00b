#!/bin/sh
# Puts the bundle together from the parts that Maven has made: a folder, and the same as a tar.gz.
# Usage: assemble.sh TARGET VERSION TIMESTAMP
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=$1
version=$2
timestamp=$3

parts=$target/bundle
root=$here/../../..

fail() {
    echo "assemble.sh: $*" >&2
    exit 1
}

case $(uname -s)-$(uname -m) in
    Linux-x86_64) platform=linux-x86_64 ;;
    Linux-aarch64) platform=linux-aarch64 ;;
    Darwin-arm64) platform=macos-arm64 ;;
    *) fail "no bundle for $(uname -s) on $(uname -m)" ;;
esac
natives=$parts/natives/io/github/bigllama/natives/$platform
[ -d "$natives" ] || fail "bigllama-native has no libraries for $platform"

name=bigllama-$version-$platform
bundle=$target/$name
rm -rf "$bundle" "$bundle.tar.gz"
mkdir -p "$bundle/bin" "$bundle/lib" "$bundle/models"
cp "$here/bin/bigllama" "$bundle/bin/"
chmod 755 "$bundle/bin/bigllama"
cp -R "$parts/runtime" "$bundle/runtime"
cp "$parts"/lib/*.jar "$bundle/lib/"
cp "$target/bigllama-cli-$version.jar" "$bundle/lib/bigllama-cli.jar"
cp -R "$natives" "$bundle/lib/natives"
cp "$root"/core/src/demo/bigllama-demo-Q8_0.gguf "$bundle/models/"
cp "$root/LICENSE" "$bundle/"
mv "$bundle/lib/natives/LICENSE-llama.cpp" "$bundle/"
cp "$here/README" "$bundle/"

# The start-up cache holds for jars of these times only, so that they must be the archive's.
stamp=$(echo "$timestamp" | tr -d ':TZ-' | sed 's/..$/.&/')
set_times() {
    find "$bundle" -exec env TZ=UTC touch -h -t "$stamp" {} +
}
set_times

# A run that answers is the training for the cache, and the proof that the bundle works.
log=$parts/training.log
(
    unset BIGLLAMA_MODEL BIGLLAMA_LIBRARY_PATH
    # A relative path, because the options are split at spaces.
    cd "$bundle"
    BIGLLAMA_JAVA_OPTIONS=-XX:AOTCacheOutput=lib/bigllama.aot bin/bigllama run "What is the capital of France?" < /dev/null
) >"$log" 2>&1 || status=$?
if [ "${status:-0}" != 0 ] || ! grep -q "Paris" "$log" || [ ! -f "$bundle/lib/bigllama.aot" ]; then
    cat "$log" >&2
    fail "the bundle does not work"
fi
set_times

if tar --version | grep -q GNU; then
    owner="--owner=0 --group=0 --numeric-owner"
else
    owner="--uid 0 --gid 0"
fi
# shellcheck disable=SC2086 # several options
(cd "$target" && find "$name" | LC_ALL=C sort | tar -c -f - $owner --no-recursion -T -) |
    gzip -n >"$bundle.tar.gz"

# Where the bundle is, and since when.
echo "$name" >"$target/bundle.txt"
echo "bundle: $bundle ($(du -sm "$bundle" | cut -f1) MB)"
