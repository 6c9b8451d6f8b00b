# The version of llama.cpp, and where its source comes from. None of it is in this repository.
#
# include() this file and call llama_cpp_source(VARIABLE). It tries, in this order:
#   1. LLAMA_CPP_SOURCE_DIR (a CMake or environment variable): a checkout or an unpacked archive
#   2. the upstream git tag
#   3. the npm package node-llama-cpp, which carries the same release as a git bundle
# Downloads are kept in the user's cache. Every source is checked against the hash of its git tree, whichever
# way it came.
#
# To get only the source: cmake -P LlamaCpp.cmake

set(LLAMA_CPP_VERSION v0.5.0)
set(LLAMA_CPP_TREE fd570ef54b10ec5fecb739e7e04c8ce44a6f415a)
set(LLAMA_CPP_REPOSITORY https://github.com/ggml-org/llama.cpp)
set(LLAMA_CPP_NPM_PACKAGE node-llama-cpp@3.22.1)

# Timeouts in seconds, so that a closed network does not hang the build: for a server to answer at all, and for
# the download.
set(LLAMA_CPP_PROBE_TIMEOUT 20)
set(LLAMA_CPP_FETCH_TIMEOUT 900)

# The user's cache: BIGLLAMA_CACHE, else the convention of the operating system.
function(bigllama_cache_dir result)
    if(DEFINED ENV{BIGLLAMA_CACHE})
        set(dir "$ENV{BIGLLAMA_CACHE}")
    elseif(CMAKE_HOST_APPLE)
        set(dir "$ENV{HOME}/Library/Caches/bigllama")
    elseif(DEFINED ENV{XDG_CACHE_HOME})
        set(dir "$ENV{XDG_CACHE_HOME}/bigllama")
    else()
        set(dir "$ENV{HOME}/.cache/bigllama")
    endif()
    set(${result} "${dir}" PARENT_SCOPE)
endfunction()

# Runs a command; sets ${error} to one line that says what went wrong, or to nothing if the command succeeded.
function(_llama_cpp_run error timeout)
    execute_process(
        COMMAND ${ARGN}
        TIMEOUT ${timeout}
        RESULT_VARIABLE status
        OUTPUT_VARIABLE output
        ERROR_VARIABLE output)
    if(status EQUAL 0)
        set(status "")
    elseif(output MATCHES "(fatal:|error:|npm error|npm ERR!) ([^\n]+)")
        # The first error line of git or npm; the rest is advice.
        set(status "${CMAKE_MATCH_2}")
    elseif(status MATCHES "^[0-9]+$")
        string(STRIP "exit code ${status} ${output}" status)
    endif()
    set(${error} "${status}" PARENT_SCOPE)
endfunction()

# Sets ${tree} to the git tree hash of ${dir}, or to what is wrong with it. In a checkout git says whether
# files were changed, and ignored files (gigabytes of models, perhaps) don't count; in an unpacked archive
# every file is hashed.
function(_llama_cpp_tree tree dir)
    # In a build that a git hook runs, git's variables point at another repository and its index.
    set(git ${CMAKE_COMMAND} -E env --unset=GIT_DIR --unset=GIT_WORK_TREE --unset=GIT_INDEX_FILE
        --unset=GIT_OBJECT_DIRECTORY git --no-optional-locks -c safe.directory=* -c core.autocrlf=false
        -c core.fileMode=true)
    set(hash "")
    if(EXISTS "${dir}/.git")
        execute_process(COMMAND ${git} -C ${dir} rev-parse "HEAD^{tree}" OUTPUT_VARIABLE hash ERROR_VARIABLE error
                        OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE status)
        execute_process(COMMAND ${git} -C ${dir} status --porcelain --untracked-files=normal
                        OUTPUT_VARIABLE changes ERROR_VARIABLE changes)
        if(NOT status EQUAL 0)
            set(hash "")
        elseif(changes)
            string(REGEX REPLACE "\n.*" "" changes "${changes}")
            set(hash "${hash} with changes (${changes})")
        endif()
    else()
        string(RANDOM LENGTH 8 suffix)
        set(index "/tmp/bigllama-index-${suffix}")
        if(DEFINED ENV{TMPDIR})
            set(index "$ENV{TMPDIR}/bigllama-index-${suffix}")
        endif()
        list(APPEND git --git-dir=${index} --work-tree=${dir})
        _llama_cpp_run(error 60 git init --quiet --bare ${index})
        if(NOT error)
            execute_process(COMMAND ${git} add --all --force . WORKING_DIRECTORY ${dir} RESULT_VARIABLE status
                            ERROR_VARIABLE error OUTPUT_QUIET)
            if(status EQUAL 0)
                execute_process(COMMAND ${git} write-tree OUTPUT_VARIABLE hash ERROR_VARIABLE error
                                OUTPUT_STRIP_TRAILING_WHITESPACE)
            endif()
        endif()
        file(REMOVE_RECURSE "${index}")
    endif()
    if(NOT hash)
        string(STRIP "unknown (${error})" hash)
    endif()
    set(${tree} "${hash}" PARENT_SCOPE)
endfunction()

# Downloads the git tag into ${dir}.
function(_llama_cpp_from_git error dir)
    # git must not wait for a user name or a password.
    set(git ${CMAKE_COMMAND} -E env GIT_TERMINAL_PROMPT=0 git -c http.lowSpeedLimit=1000 -c http.lowSpeedTime=20
        -c core.autocrlf=false)
    _llama_cpp_run(failed ${LLAMA_CPP_PROBE_TIMEOUT}
                   ${git} ls-remote --exit-code ${LLAMA_CPP_REPOSITORY} refs/tags/${LLAMA_CPP_VERSION})
    if(NOT failed)
        _llama_cpp_run(failed ${LLAMA_CPP_FETCH_TIMEOUT}
                       ${git} -c advice.detachedHead=false clone --quiet --depth 1 --branch ${LLAMA_CPP_VERSION}
                       ${LLAMA_CPP_REPOSITORY} ${dir})
    endif()
    set(${error} "${failed}" PARENT_SCOPE)
endfunction()

# Downloads the git bundle of the npm package into ${dir}.
function(_llama_cpp_from_npm error dir)
    find_program(BIGLLAMA_NPM npm)
    if(NOT BIGLLAMA_NPM)
        set(${error} "npm is not installed (apt-get install npm, or brew install node)" PARENT_SCOPE)
        return()
    endif()
    set(package "${dir}-npm")
    file(MAKE_DIRECTORY "${package}")
    _llama_cpp_run(failed ${LLAMA_CPP_PROBE_TIMEOUT}
                   ${BIGLLAMA_NPM} view ${LLAMA_CPP_NPM_PACKAGE} version --loglevel=error --fetch-retries=0)
    if(NOT failed)
        _llama_cpp_run(failed ${LLAMA_CPP_FETCH_TIMEOUT}
                       ${BIGLLAMA_NPM} pack ${LLAMA_CPP_NPM_PACKAGE} --loglevel=error --fetch-timeout=20000
                       --fetch-retries=1 --pack-destination ${package})
    endif()
    file(GLOB archive "${package}/*.tgz")
    if(NOT failed AND NOT archive)
        set(failed "npm pack made no archive")
    endif()
    if(NOT failed)
        file(ARCHIVE_EXTRACT INPUT ${archive} DESTINATION ${package} PATTERNS "package/llama/gitRelease.bundle")
        _llama_cpp_run(failed ${LLAMA_CPP_FETCH_TIMEOUT}
                       git -c advice.detachedHead=false -c core.autocrlf=false clone --quiet
                       ${package}/package/llama/gitRelease.bundle ${dir})
    endif()
    file(REMOVE_RECURSE "${package}")
    set(${error} "${failed}" PARENT_SCOPE)
endfunction()

# Sets ${result} to a folder with the pinned source, or fails with one error that says what was tried.
function(llama_cpp_source result)
    set(given "")
    if(LLAMA_CPP_SOURCE_DIR)
        set(given "${LLAMA_CPP_SOURCE_DIR}")
    elseif(DEFINED ENV{LLAMA_CPP_SOURCE_DIR})
        set(given "$ENV{LLAMA_CPP_SOURCE_DIR}")
    endif()
    if(given)
        get_filename_component(given "${given}" ABSOLUTE)
        if(NOT EXISTS "${given}/CMakeLists.txt")
            message(FATAL_ERROR "LLAMA_CPP_SOURCE_DIR is ${given}, where there is no llama.cpp source")
        endif()
        _llama_cpp_tree(tree "${given}")
        if(NOT tree STREQUAL LLAMA_CPP_TREE)
            message(FATAL_ERROR "LLAMA_CPP_SOURCE_DIR is ${given}, whose git tree is ${tree}; "
                                "bigllama needs llama.cpp ${LLAMA_CPP_VERSION} without changes, tree ${LLAMA_CPP_TREE}")
        endif()
        set(${result} "${given}" PARENT_SCOPE)
        return()
    endif()

    bigllama_cache_dir(cache)
    set(source "${cache}/llama.cpp/${LLAMA_CPP_TREE}")
    if(EXISTS "${source}")
        _llama_cpp_tree(tree "${source}")
        if(tree STREQUAL LLAMA_CPP_TREE)
            set(${result} "${source}" PARENT_SCOPE)
            return()
        endif()
        message(STATUS "${source} is damaged; bringing llama.cpp again")
        file(REMOVE_RECURSE "${source}")
    endif()

    set(tried "")
    foreach(way IN ITEMS git npm)
        if(way STREQUAL git)
            set(name "git tag ${LLAMA_CPP_VERSION} of ${LLAMA_CPP_REPOSITORY}")
        else()
            set(name "npm package ${LLAMA_CPP_NPM_PACKAGE}")
        endif()
        message(STATUS "llama.cpp ${LLAMA_CPP_VERSION}: trying ${name}")
        # Renamed when complete, so that concurrent builds never see a partial folder.
        string(RANDOM LENGTH 8 suffix)
        set(part "${source}.${suffix}")
        file(MAKE_DIRECTORY "${cache}/llama.cpp")
        if(way STREQUAL git)
            _llama_cpp_from_git(failed "${part}")
        else()
            _llama_cpp_from_npm(failed "${part}")
        endif()
        if(NOT failed)
            _llama_cpp_tree(tree "${part}")
            if(tree STREQUAL LLAMA_CPP_TREE)
                file(RENAME "${part}" "${source}" RESULT renamed)
                if(NOT EXISTS "${source}/CMakeLists.txt")
                    message(FATAL_ERROR "cannot write ${source}: ${renamed}")
                endif()
                file(REMOVE_RECURSE "${part}")
                set(${result} "${source}" PARENT_SCOPE)
                return()
            endif()
            set(failed "its git tree is ${tree}, not ${LLAMA_CPP_TREE}")
        endif()
        file(REMOVE_RECURSE "${part}")
        string(APPEND tried "\n  ${name}: ${failed}")
    endforeach()
    message(FATAL_ERROR "no source of llama.cpp ${LLAMA_CPP_VERSION}; tried\n  LLAMA_CPP_SOURCE_DIR: not set${tried}\n"
                        "Open the network to one of them, or set LLAMA_CPP_SOURCE_DIR to an unchanged checkout of "
                        "${LLAMA_CPP_VERSION}.")
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
    llama_cpp_source(source)
    message(STATUS "llama.cpp source: ${source}")
endif()
