# Names llama.cpp, which is no Maven artifact, in a CycloneDX SBOM that has bigllama-native: the pinned release, its git
# tree as a SWHID, and the libraries in its source that are compiled in and that say their version.
# cmake -D SBOM=FILE.json -P sbom.cmake
cmake_minimum_required(VERSION 3.21)
include(${CMAKE_CURRENT_LIST_DIR}/../cmake/LlamaCpp.cmake)

file(READ "${SBOM}" sbom)

# A component's "bom-ref", if it is bigllama-native.
function(native_ref result json)
    string(JSON name GET "${json}" name)
    set(ref "")
    if(name STREQUAL "bigllama-native")
        string(JSON ref GET "${json}" bom-ref)
    endif()
    set(${result} "${ref}" PARENT_SCOPE)
endfunction()

string(JSON itself GET "${sbom}" metadata component)
native_ref(native "${itself}")
string(JSON count ERROR_VARIABLE none LENGTH "${sbom}" components)
if(none)
    set(count 0)
    string(JSON sbom SET "${sbom}" components "[]")
endif()
set(i 0)
while(NOT native AND i LESS count)
    string(JSON component GET "${sbom}" components ${i})
    native_ref(native "${component}")
    math(EXPR i "${i} + 1")
endwhile()
if(NOT native)
    return()
endif()

llama_cpp_source(source)
file(READ "${source}/vendor/cpp-httplib/httplib.h" header)
if(NOT header MATCHES "#define CPPHTTPLIB_VERSION \"([0-9.]+)\"")
    message(FATAL_ERROR "no version of cpp-httplib in ${source}/vendor")
endif()
set(httplib ${CMAKE_MATCH_1})
file(READ "${source}/vendor/nlohmann/json.hpp" header)
set(json "")
foreach(part IN ITEMS MAJOR MINOR PATCH)
    if(NOT header MATCHES "#define NLOHMANN_JSON_VERSION_${part} +([0-9]+)")
        message(FATAL_ERROR "no version of nlohmann/json in ${source}/vendor")
    endif()
    list(APPEND json ${CMAKE_MATCH_1})
endforeach()
list(JOIN json "." json)

string(REGEX REPLACE "^https://github.com/" "pkg:github/" package "${LLAMA_CPP_REPOSITORY}")
set(llama "${package}@${LLAMA_CPP_VERSION}")
function(vendored result owner_name version)
    string(REGEX REPLACE "^.*/" "" name "${owner_name}")
    set(purl "pkg:github/${owner_name}@v${version}")
    set(${result} "{\"type\": \"library\", \"bom-ref\": \"${purl}\", \"name\": \"${name}\", \"version\": \"${version}\",
        \"licenses\": [{\"license\": {\"id\": \"MIT\"}}], \"purl\": \"${purl}\"}" PARENT_SCOPE)
endfunction()
vendored(httplib yhirose/cpp-httplib ${httplib})
vendored(json nlohmann/json ${json})
string(JSON sbom SET "${sbom}" components ${count} "{
    \"type\": \"library\", \"bom-ref\": \"${llama}\", \"name\": \"llama.cpp\", \"version\": \"${LLAMA_CPP_VERSION}\",
    \"description\": \"Compiled into the libraries of bigllama-native\",
    \"licenses\": [{\"license\": {\"id\": \"MIT\"}}], \"purl\": \"${llama}\",
    \"swhid\": [\"swh:1:dir:${LLAMA_CPP_TREE}\"],
    \"externalReferences\": [{\"type\": \"vcs\", \"url\": \"${LLAMA_CPP_REPOSITORY}\"}],
    \"components\": [${httplib}, ${json}]}")

# bigllama-native needs it.
string(JSON count LENGTH "${sbom}" dependencies)
math(EXPR last "${count} - 1")
foreach(i RANGE ${last})
    string(JSON ref GET "${sbom}" dependencies ${i} ref)
    if(ref STREQUAL native)
        string(JSON needs ERROR_VARIABLE none LENGTH "${sbom}" dependencies ${i} dependsOn)
        if(none)
            set(needs 0)
            string(JSON sbom SET "${sbom}" dependencies ${i} dependsOn "[]")
        endif()
        string(JSON sbom SET "${sbom}" dependencies ${i} dependsOn ${needs} "\"${llama}\"")
    endif()
endforeach()
string(JSON sbom SET "${sbom}" dependencies ${count} "{\"ref\": \"${llama}\", \"dependsOn\": []}")
file(WRITE "${SBOM}" "${sbom}\n")
