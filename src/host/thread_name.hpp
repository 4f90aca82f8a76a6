// Names for threads, so that `top -H` says which part of a node is busy.
#pragma once

#include <pthread.h>

namespace causeway::host {

/// At most 15 characters.
inline void name_this_thread(const char* name) { ::pthread_setname_np(::pthread_self(), name); }

}  // namespace causeway::host
