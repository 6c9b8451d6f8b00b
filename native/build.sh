#!/bin/sh
# Builds llama.cpp for this machine, or takes it from the user's cache.
set -eu

usage() {
    cat <<EOF
Usage: native/build.sh [--flavour local|portable] [--tools] --output DIR

Puts llama.cpp's shared libraries for this machine, with a manifest, into DIR/<platform>.

  --flavour local     tuned to this CPU (the default)
  --flavour portable  for every CPU of this platform: ggml chooses its kernels when it runs; slow to build
  --tools             also llama-bench, llama-completion, llama-embedding and llama-quantize, for comparisons

LLAMA_CPP_SOURCE_DIR names the source of llama.cpp, if it is not to be fetched. Builds are kept in
BIGLLAMA_CACHE, by default ~/.cache/bigllama or what the operating system has for that.
EOF
}

fail() {
    echo "native/build.sh: $1" >&2
    exit 1
}

flavour=local
tools=OFF
output=
while [ $# -gt 0 ]; do
    case $1 in
        --flavour) flavour=${2-} && shift ;;
        --tools) tools=ON ;;
        --output) output=${2-} && shift ;;
        --help) usage && exit ;;
        *) usage >&2 && exit 2 ;;
    esac
    shift
done
[ -n "$output" ] || { usage >&2 && exit 2; }
case $flavour in
    local | portable) ;;
    *) fail "there is no flavour '$flavour'; it is local or portable" ;;
esac

mkdir -p "$output"
output=$(cd "$output" && pwd)
case ${LLAMA_CPP_SOURCE_DIR:-/} in
    /*) ;;
    *) export LLAMA_CPP_SOURCE_DIR="$PWD/$LLAMA_CPP_SOURCE_DIR" ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"

case $(uname -s)-$(uname -m) in
    Linux-x86_64) platform=linux-x86_64 ;;
    Linux-aarch64) platform=linux-aarch64 ;;
    Darwin-arm64) platform=macos-arm64 ;;
    *) fail "no build for $(uname -s) on $(uname -m); there is one for Linux on x86_64 and aarch64, and for macOS on arm64" ;;
esac

# Names all missing tools in one line.
cc=${CC:-cc}
cxx=${CXX:-c++}
missing=
has() { command -v "$1" >/dev/null 2>&1; }
has cmake || missing="$missing cmake"
has "$cc" && has "$cxx" || missing="$missing C++-compiler"
has ninja || has make || missing="$missing ninja"
has git || missing="$missing git"
# Without the command line tools, macOS's cc and git only print that they are missing.
case $platform in macos-*) xcode-select -p >/dev/null 2>&1 || missing="$missing C++-compiler" ;; esac
if [ -n "$missing" ]; then
    case $platform in
        macos-*) how="xcode-select --install; brew install cmake ninja" ;;
        *) how="apt-get install cmake g++ ninja-build git (Debian, Ubuntu), or the same of your distribution" ;;
    esac
    fail "cannot build llama.cpp, missing:$missing. Install with: $how"
fi

case $platform in
    macos-*) default_cache=$HOME/Library/Caches/bigllama ;;
    *) default_cache=${XDG_CACHE_HOME:-$HOME/.cache}/bigllama ;;
esac
cache=${BIGLLAMA_CACHE:-$default_cache}
# CMake resolves links, too; both must find the same folder.
export BIGLLAMA_CACHE="$cache"

# The instruction sets that the compiler uses for this CPU, by the operating system's names for them, so that
# the loader can look for them on another machine.
cpu_features() {
    case $platform in
        linux-x86_64) flag=-march=native prefix= ;;
        *) flag=-mcpu=native prefix=__ARM_FEATURE_ ;;
    esac
    "$cc" $flag -dM -E -x c /dev/null 2>/dev/null | awk -v prefix="$prefix" -v platform="$platform" '
        BEGIN {
            if (platform == "linux-x86_64") {
                names = "SSE3 pni SSSE3 ssse3 SSE4_1 sse4_1 SSE4_2 sse4_2 POPCNT popcnt AVX avx AVX2 avx2 FMA fma " \
                    "F16C f16c BMI bmi1 BMI2 bmi2 LZCNT abm MOVBE movbe AES aes PCLMUL pclmulqdq SHA sha_ni " \
                    "GFNI gfni VAES vaes VPCLMULQDQ vpclmulqdq AVXVNNI avx_vnni AVX512F avx512f " \
                    "AVX512BW avx512bw AVX512CD avx512cd AVX512DQ avx512dq AVX512VL avx512vl " \
                    "AVX512IFMA avx512ifma AVX512VBMI avx512vbmi AVX512VBMI2 avx512_vbmi2 " \
                    "AVX512VNNI avx512_vnni AVX512BITALG avx512_bitalg AVX512VPOPCNTDQ avx512_vpopcntdq " \
                    "AVX512BF16 avx512_bf16 AVX512FP16 avx512_fp16 AMX_TILE amx_tile AMX_INT8 amx_int8 " \
                    "AMX_BF16 amx_bf16"
            } else if (platform == "linux-aarch64") {
                names = "DOTPROD asimddp MATMUL_INT8 i8mm FP16_VECTOR_ARITHMETIC asimdhp BF16 bf16 SVE sve " \
                    "SVE2 sve2 SME sme ATOMICS atomics AES aes SHA2 sha2 CRC32 crc32"
            } else {
                names = "DOTPROD DotProd MATMUL_INT8 I8MM FP16_VECTOR_ARITHMETIC FP16 BF16 BF16 SME SME " \
                    "ATOMICS LSE AES AES SHA2 SHA256"
            }
            n = split(names, words, " ")
            for (i = 1; i < n; i += 2) {
                macro = platform == "linux-x86_64" ? "__" words[i] "__" : prefix words[i]
                feature[macro] = words[i + 1]
                order[++count] = macro
            }
        }
        $1 == "#define" && ($2 in feature) { seen[$2] = 1 }
        END {
            for (i = 1; i <= count; i++) {
                if (order[i] in seen) {
                    printf "%s%s", comma, feature[order[i]]
                    comma = ","
                }
            }
        }'
}
# Virtual machines may hide some of the names (abm, for one); a name that this machine does not list can't be
# required.
named_here() {
    case $platform in
        linux-*) awk -F: -v features="$1" '
            /^(flags|Features)[ \t]*:/ { here = $2 " "; exit }
            END {
                n = split(features, names, ",")
                for (i = 1; i <= n; i++) {
                    if (index(here, " " names[i] " ")) { printf "%s%s", comma, names[i]; comma = "," }
                }
            }' /proc/cpuinfo ;;
        *) echo "$1" ;;
    esac
}
features=
[ "$flavour" = portable ] || features=$(named_here "$(cpu_features)")

# One hash of everything that goes into a build. The script itself does not count; the arguments it passes do.
key=$({
    echo "$platform $flavour $tools $features"
    "$cc" --version
    "$cxx" --version
    cmake --version
    # It builds the page of the server.
    npm --version 2>&1 || true
    # CMake takes its initial compiler flags from these.
    echo "${CFLAGS-} ${CXXFLAGS-} ${LDFLAGS-}"
    cmake -E sha256sum ../cmake/*.cmake ../cmake/*.h CMakeLists.txt CMakePresets.json package.cmake server/* \
        src/*.c src/*.cpp src/*.h
} | cmake -E sha256sum /dev/stdin | cut -c1-32)
entry=$cache/builds/$platform-$flavour-$key

# Only one build at a time makes or repairs a cache entry; others of the same key wait and then find it. It is
# CMake's lock, because that is released when the process ends, and exists on every system.
if [ "${BIGLLAMA_LOCKED-}" != "$entry" ]; then
    # A source that the caller names must be the pinned one, even if the cache makes it unnecessary.
    [ -z "${LLAMA_CPP_SOURCE_DIR-}" ] || cmake -P ../cmake/LlamaCpp.cmake
    rm -rf "${output:?}/$platform" "$output/$platform.part"
    mkdir -p "$cache/builds"
    set -- --flavour "$flavour" --output "$output"
    [ "$tools" = OFF ] || set -- "$@" --tools
    export BIGLLAMA_LOCKED="$entry"
    cmake -D LOCK="$entry.lock" -P with-lock.cmake -- sh build.sh "$@"
    # The error has been printed.
    [ -d "$output/$platform" ] || exit 1
    exit
fi

sums() {
    (cd "$1" && cmake -E sha256sum $(ls | grep -v '^SHA256SUMS$'))
}

if [ -d "$entry" ]; then
    if [ "$(sums "$entry" 2>&1)" = "$(cat "$entry/SHA256SUMS" 2>/dev/null)" ]; then
        echo "llama.cpp for $platform, $flavour: from the cache, $entry"
    else
        echo "$entry is damaged: building llama.cpp again"
        rm -rf "$entry"
    fi
fi

if [ ! -d "$entry" ]; then
    echo "Building llama.cpp for $platform, $flavour: some minutes, once"
    build=$here/target/cmake/$flavour-$key
    preset=$platform
    [ "$flavour" = local ] || preset=$platform-portable
    generator=
    ! has ninja || generator="-G Ninja"
    # Left by an interrupted build; ninja may have been installed, or the source moved, since then.
    rm -f "$build/CMakeCache.txt"
    cmake --preset "$preset" -B "$build" $generator -DBIGLLAMA_LLAMA_TOOLS=$tools
    cmake --build "$build" --target natives --parallel "$(getconf _NPROCESSORS_ONLN)"
    # Renamed when complete, so that an interrupted build leaves no entry.
    part=$entry.part
    rm -rf "$part"
    cmake -D BUILD="$build" -D OUTPUT="$part" -D PLATFORM=$platform -D FLAVOUR=$flavour \
        -D CPU_FEATURES="$features" -P package.cmake
    if [ "$tools" = ON ]; then
        for tool in llama-bench llama-completion llama-embedding llama-quantize; do
            cp "$build/bin/$tool" "$part"
        done
        # Each tool is a small main and a library.
        for library in "$build"/bin/libllama-*; do
            cp "$library" "$part"
        done
    fi
    sums "$part" >"$part/SHA256SUMS"
    mv "$part" "$entry"
    # The jar needs the libraries, not a gigabyte of object files.
    rm -rf "$build"
fi

cp -R "$entry" "$output/$platform.part"
rm "$output/$platform.part/SHA256SUMS"
mv "$output/$platform.part" "$output/$platform"
