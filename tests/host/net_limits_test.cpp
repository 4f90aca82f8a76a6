// What a node gives the network: the simulator must bear with the same (sim/network.hpp).
#include <doctest/doctest.h>

#include "net/peer_dialer.hpp"
#include "net/server.hpp"
#include "sim/network.hpp"

using namespace causeway;

TEST_CASE("the simulated network gives up when the real one does") {
  const net::DialerOptions dialler;
  const net::ServerOptions server;
  const sim::NetLimits simulated;
  CHECK(simulated.backoff_min == dialler.backoff_min);
  CHECK(simulated.backoff_max == dialler.backoff_max);
  CHECK(2 * simulated.connect_again == dialler.connect_timeout);
  CHECK(simulated.handshake_timeout == dialler.handshake_timeout);
  CHECK(simulated.handshake_timeout == server.handshake_timeout);
  CHECK(simulated.silence_max == dialler.silence_max);
  CHECK(simulated.output_bytes_max == dialler.output_bytes_max);
}
