/**
 * Finds and loads llama.cpp's native library.
 *
 * <p>Everything starts with {@link io.github.bigllama.bindings.NativeLibrary#load()}; before it, no
 * function of the generated package {@code io.github.bigllama.bindings.llama} can be called.
 *
 * <h2>Requirements</h2>
 *
 * Java 25 with native access for this module ({@code
 * --enable-native-access=io.github.bigllama.core,io.github.bigllama.bindings}, or {@code
 * ALL-UNNAMED} on the class path), and Linux on x86-64 or AArch64, or macOS on Apple silicon. Other
 * platforms where {@code long} and pointers have 64 bits work with libraries that the user builds.
 *
 * <h2>Where the library is looked for</h2>
 *
 * <ol>
 *   <li>The directory in the system property {@code bigllama.library.path}, else in the environment
 *       variable {@code BIGLLAMA_LIBRARY_PATH}. If one is given, it is the only place: what fails
 *       there is reported, never hidden by another place. A {@code manifest.properties} beside the
 *       libraries is honoured (except for its checksums: the directory is the user's own).
 *   <li>The {@code bigllama-native} jar. Its libraries are extracted once to {@code
 *       natives/<SHA-256 of the manifest>} in the user's cache, and checked against the manifest
 *       each time. The cache is the system property {@code bigllama.cache}, else the environment
 *       variable {@code BIGLLAMA_CACHE}, else {@code $XDG_CACHE_HOME/bigllama}, {@code
 *       ~/.cache/bigllama}, or {@code ~/Library/Caches/bigllama} on macOS.
 *   <li>A llama.cpp that is installed on the system: {@code java.library.path} and the usual
 *       folders. It is accepted only if it is the release that the bindings were generated from.
 * </ol>
 */
package io.github.bigllama.bindings;
