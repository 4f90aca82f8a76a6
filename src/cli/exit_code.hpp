// What kvcli's exit code says; scripts stand on it (interface page).
#pragma once

namespace causeway::cli {

enum class ExitCode : int {
  done = 0,       ///< await: won
  no = 1,         ///< no such key, swap mismatch; await: superseded, rejected or replaced
  usage = 2,      ///< the command line cannot be used
  timeout = 3,    ///< did not happen; await: still pending
  in_doubt = 4,   ///< may or may not have happened
  no_server = 5,  ///< no server reached, nothing sent
  refused = 6,    ///< the message says why
};

}  // namespace causeway::cli
