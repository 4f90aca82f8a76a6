// A client alone, with Asio: what an app links that has no node inside.
//     remote HOST:PORT
#include <cstdio>
#include <future>

#include <boost/asio/use_future.hpp>

#include <causeway/asio.hpp>
#include <causeway/client.hpp>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  auto client = causeway::Client::connect({.servers = {argv[1]}});
  if (!client) return std::fprintf(stderr, "connect: %s\n", client.error().detail.c_str()), 1;
  causeway::Store& store = *client.value();
  const causeway::Result<causeway::Response> set =
      causeway::async_set(store, "hello", "world", {}, boost::asio::use_future).get();
  const causeway::Result<causeway::Response> got =
      causeway::async_get(store, "hello", {}, boost::asio::use_future).get();
  if (!set || !got || got.value().value != "world") return std::fputs("not as set\n", stderr), 1;
  std::puts("remote: all as promised");
  return 0;
}
