// causeway-sim: whole clusters in virtual time. All of it is in run.cpp and what that calls.

#include <iostream>
#include <string>
#include <vector>

#include "sim/simulation.hpp"
#include "simcli/run.hpp"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  return static_cast<int>(causeway::simcli::run(std::vector<std::string>(argv + 1, argv + argc),
                                                std::cout, std::cerr, causeway::sim::simulate));
}
