# cmake -D LOCK=FILE -P with-lock.cmake -- COMMAND ARGUMENT...
# Runs a command while holding the lock. Prints nothing if it fails, because the command has.

file(LOCK "${LOCK}" TIMEOUT 0 RESULT_VARIABLE taken)
if(NOT taken EQUAL 0)
    message(STATUS "Waiting for another build that holds ${LOCK}")
    file(LOCK "${LOCK}")
endif()

set(command "")
set(found FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
    if(found)
        list(APPEND command "${CMAKE_ARGV${i}}")
    elseif(CMAKE_ARGV${i} STREQUAL "--")
        set(found TRUE)
    endif()
endforeach()
execute_process(COMMAND ${command})
