// kvcli: a Causeway cluster from the command line. All of it is in run.cpp and what that calls.

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "cli/run.hpp"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  const char* servers = std::getenv("CAUSEWAY_SERVER");
  return causeway::cli::run(std::vector<std::string>(argv + 1, argv + argc),
                            servers == nullptr ? "" : servers, std::cin, std::cout, std::cerr);
}
