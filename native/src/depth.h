/* How deep texts may be nested that functions read which call themselves. */
#pragma once

/*
 * Throws if brackets in a text are nested so deep that a stack would overflow.
 *
 * what   names the text in the message
 * quotes characters that begin and end a part in which brackets don't count
 */
void require_depth(const char * what, const char * text, const char * quotes);
