# Copies the results of a build to OUTPUT: the libraries, the output of the probes, the licence, and a manifest.
# cmake -D BUILD=DIR -D OUTPUT=DIR -D PLATFORM=linux-x86_64 -D FLAVOUR=local -D CPU_FEATURES=avx2,fma -P package.cmake

include(${CMAKE_CURRENT_LIST_DIR}/../cmake/LlamaCpp.cmake)

file(GLOB built "${BUILD}/bin/lib*")
set(files "")
foreach(path IN LISTS built)
    get_filename_component(name "${path}" NAME)
    list(APPEND files "${name}")
endforeach()
list(SORT files)

# Portable: ggml chooses and loads one of its CPU backends at run time. Local: everything is linked, and each
# library is loaded after its dependencies.
set(last "")
set(libraries "")
set(backends "")
foreach(name IN LISTS files)
    if(name MATCHES "^lib(bigllama-)?ggml-base\\.")
        list(PREPEND libraries ${name})
    elseif(name MATCHES "^lib(bigllama-)?ggml\\.")
        list(PREPEND last ${name})
    elseif(name MATCHES "^lib(bigllama-)?llama\\.")
        list(APPEND last ${name})
    elseif(name MATCHES "^libbigllama\\.")
        set(shim ${name})
    elseif(name MATCHES "^libggml-" AND FLAVOUR STREQUAL portable)
        list(APPEND backends ${name})
    elseif(name MATCHES "^lib(bigllama-)?ggml-")
        list(APPEND libraries ${name})
    endif()
endforeach()
list(APPEND libraries ${last} ${shim})

file(MAKE_DIRECTORY "${OUTPUT}")
set(sums "")
foreach(name IN LISTS libraries backends)
    file(COPY "${BUILD}/bin/${name}" DESTINATION "${OUTPUT}")
    file(SHA256 "${OUTPUT}/${name}" sum)
    string(APPEND sums "sha256.${name}=${sum}\n")
endforeach()

execute_process(COMMAND "${BUILD}/bin/abi-probe" OUTPUT_FILE "${OUTPUT}/abi.txt" RESULT_VARIABLE status)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "the ABI probe ended with ${status}")
endif()

if(EXISTS "${BUILD}/bin/pretokenizer-probe")
    execute_process(COMMAND "${BUILD}/bin/pretokenizer-probe" RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "the probe of pre-tokenizers ended with ${status}")
    endif()
endif()

file(READ "${BUILD}/llama-cpp-dir" source)
file(GLOB templates "${source}/models/templates/*.jinja")
execute_process(COMMAND "${BUILD}/bin/template-probe" ${templates} OUTPUT_FILE "${OUTPUT}/templates.txt"
                RESULT_VARIABLE status)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "the template probe ended with ${status}")
endif()
file(COPY_FILE "${source}/LICENSE" "${OUTPUT}/LICENSE-llama.cpp")

list(JOIN libraries "," libraries)
list(JOIN backends "," backends)
file(WRITE "${OUTPUT}/manifest.properties" "\
llama.cpp.version=${LLAMA_CPP_VERSION}
llama.cpp.tree=${LLAMA_CPP_TREE}
flavour=${FLAVOUR}
platform=${PLATFORM}
cpu.features=${CPU_FEATURES}
libraries=${libraries}
backends=${backends}
${sums}")
