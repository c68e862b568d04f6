#include "tools/command_line.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "tests/support/temporary_directory.hpp"

namespace troupe::tests {

namespace {

constexpr actors::machine eight_cores{8, 16ull << 30};

result<tools::request> parse(std::vector<std::string> arguments) {
  return tools::parse_command_line(arguments, eight_cores);
}

actors::node_config config_of(std::vector<std::string> arguments) {
  auto parsed = parse(std::move(arguments));
  if (!parsed) FAIL(parsed.error().message);
  return std::get<tools::serve_request>(*parsed).config;
}

std::string complaint(std::vector<std::string> arguments) {
  const auto parsed = parse(std::move(arguments));
  return parsed ? "" : parsed.error().message;
}

std::string write_file(const temporary_directory& directory, const std::string& name,
                       std::string_view content) {
  auto path = directory.path(name);
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("defaults follow from the machine") {
  const auto config = config_of({"serve", "--data-dir", "d"});
  CHECK(config.reactors == 4);
  CHECK(config.memory_bytes == 4ull << 30);
  CHECK_FALSE(config.shards.has_value());
  CHECK(config.level == durability::durable);
  CHECK(to_string(config.client_address) == "127.0.0.1:7379");
  CHECK(to_string(config.http_address) == "127.0.0.1:8379");
}

TEST_CASE("flags set what they name") {
  const auto config =
      config_of({"serve", "--data-dir=d", "--client-address", "[::1]:0", "--durability", "memory",
                 "--memory", "1GiB", "--reactors", "2", "--shards=4", "--enable-debug"});
  CHECK(config.data_dir == "d");
  CHECK(config.client_address == actors::address{"::1", 0});
  CHECK(config.level == durability::memory);
  CHECK(config.memory_bytes == 1ull << 30);
  CHECK(config.reactors == 2);
  CHECK(config.shards == 4);
  CHECK(config.enable_debug);
}

TEST_CASE("what clients may hold follows from the reactors there are, unless it is given") {
  const auto with = [](const char* reactors) {
    return config_of({"serve", "--data-dir", "d", "--reactors", reactors}).client_memory_bytes;
  };
  CHECK(with("1") == std::max<std::uint64_t>(limits::client_bytes_max, (16ull << 30) / 10));
  CHECK(with("8") == 8 * limits::client_bytes_max);
  const temporary_directory directory;
  const auto file = write_file(directory, "node.toml",
                               "data-dir = \"d\"\nclient-memory = \"2GiB\"\nreactors = 8\n");
  CHECK(config_of({"serve", "--config", file}).client_memory_bytes == 2ull << 30);
}

TEST_CASE("flags win over the configuration file") {
  const temporary_directory directory;
  const auto file =
      write_file(directory, "node.toml", "data-dir = \"from-file\"\nreactors = 2\nshards = 7\n");
  const auto config = config_of({"serve", "--config", file, "--reactors", "3"});
  CHECK(config.data_dir == "from-file");
  CHECK(config.reactors == 3);
  CHECK(config.shards == 7);
}

TEST_CASE("secrets are read from files, without the last line end") {
  const temporary_directory directory;
  const auto file = write_file(directory, "secret", "open sesame\n");
  const auto config = config_of({"serve", "--data-dir", "d", "--password", file, "--http-token",
                                 file, "--client-address", "0.0.0.0:7379"});
  CHECK(config.password == "open sesame");
  CHECK(config.http_token == "open sesame");
  CHECK(complaint({"serve", "--data-dir", "d", "--password", directory.path("none")}) ==
        "--password: cannot read '" + directory.path() + "/none'");
  const auto empty = write_file(directory, "empty", "\n");
  CHECK(complaint({"serve", "--data-dir", "d", "--password", empty}) ==
        "--password: '" + empty + "' holds no secret");
  const auto large = write_file(directory, "large", std::string(5000, 'x'));
  CHECK(contains(complaint({"serve", "--data-dir", "d", "--password", large}), "more than"));
}

TEST_CASE("a secret is one line") {
  const temporary_directory directory;
  const auto two = write_file(directory, "two", "pw\nsecond\n");
  for (const auto* flag : {"--password", "--http-token", "--cluster-secret"}) {
    CHECK(complaint({"serve", "--data-dir", "d", flag, two}) ==
          std::string(flag) + ": '" + two + "' holds more than one line");
  }
  const auto dos = write_file(directory, "dos", "open sesame\r\n");
  CHECK(config_of({"serve", "--data-dir", "d", "--password", dos}).password == "open sesame");
}

TEST_CASE("what nodes of a cluster will need is checked and kept") {
  const temporary_directory directory;
  const auto good = write_file(directory, "good", "sixteen letters!\n");
  const auto config =
      config_of({"serve", "--data-dir", "d", "--min-isr", "1", "--cluster-secret", good});
  CHECK(config.min_isr == 1);
  CHECK(config.cluster_secret == "sixteen letters!");
  const auto weak = write_file(directory, "weak", "fifteen letters\n");
  CHECK(complaint({"serve", "--data-dir", "d", "--cluster-secret", weak}) ==
        "--cluster-secret: a secret of 15 bytes can be guessed: at least 16");
  CHECK(contains(complaint({"serve", "--data-dir", "d", "--min-isr", "2"}),
                 "--min-isr: 2 members can never be in sync: the node is alone"));
  CHECK(contains(complaint({"serve", "--data-dir", "d", "--min-isr", "0"}),
                 "--min-isr: 0 is out of range"));
}

TEST_CASE("an address for peers beyond this machine needs a secret") {
  CHECK(contains(complaint({"serve", "--data-dir", "d", "--peer-address", "0.0.0.0:17379"}),
                 "--peer-address: 0.0.0.0:17379 can be reached from other machines, so it needs a "
                 "secret"));
  CHECK(contains(complaint({"serve", "--data-dir", "d", "--peer-address", "127.0.0.1:7379"}),
                 "--peer-address: 127.0.0.1:7379 is the client-address too"));
  CHECK(contains(complaint({"serve", "--data-dir", "d", "--advertise-peer", "0.0.0.0:17379"}),
                 "--advertise-peer: 0.0.0.0:17379 is an address that nobody can dial"));
  const auto config = config_of({"serve", "--data-dir", "d", "--peer-address", "127.0.0.1:0",
                                 "--advertise-peer", "node-1:17379"});
  CHECK(config.peer_address == actors::address{"127.0.0.1", 0});
  CHECK(config.advertised_peer == actors::address{"node-1", 17379});
}

TEST_CASE("flags that need replication are refused with what is missing") {
  CHECK(complaint({"serve", "--data-dir", "d", "--follow", "127.0.0.1:1"}) ==
        "--follow: replication between nodes is not built yet: a node cannot follow another");
  CHECK(contains(complaint({"serve", "--data-dir", "d", "--durability", "replicated"}),
                 "--durability: replicated means on the disks of followers"));
}

TEST_CASE("what cannot be is named with the place where it was given, all at once") {
  const temporary_directory directory;
  const auto file = write_file(directory, "node.toml",
                               "data-dir = \"d\"\nshards = 0\nsegment-size = 5000\n"
                               "commit-timeout-ms = 1\nhttp-address = \"0.0.0.0:1\"\n");
  const auto all = complaint({"serve", "--config", file, "--reactors", "0"});
  CHECK(contains(all, file + ":2: shards: 0 is out of range: 1 to 256"));
  CHECK(contains(all, file + ":3: segment-size: 5000 is out of range"));
  CHECK(contains(all, file + ":4: commit-timeout-ms: 1 is out of range"));
  CHECK(contains(all, file + ":5: http-address: 0.0.0.0:1 can be reached"));
  CHECK(contains(all, "\n--reactors: 0 is out of range: 1 to 64"));
  // A flag that wins over the file is what is complained about.
  CHECK(
      contains(complaint({"serve", "--config", file, "--shards", "300"}), "--shards: 300 is out"));
}

TEST_CASE("an unknown flag, subcommand or argument is named with what was meant") {
  CHECK(complaint({"serve", "--data-dri", "d"}) ==
        "unknown flag '--data-dri' (did you mean '--data-dir'?)");
  CHECK(complaint({"serve", "--shard=4"}) == "unknown flag '--shard' (did you mean '--shards'?)");
  CHECK(complaint({"serve", "--SHARDS=4"}) == "unknown flag '--SHARDS' (did you mean '--shards'?)");
  CHECK(complaint({"serve", "--zzz"}) == "unknown flag '--zzz'");
  CHECK(complaint({"serv"}) == "unknown subcommand 'serv' (did you mean 'serve'?)");
  CHECK(complaint({"--vrsion"}) == "unknown subcommand '--vrsion' (did you mean '--version'?)");
  CHECK(complaint({}) == "name a subcommand: serve, console or inspect");
  CHECK(complaint({"serve", "--data-dir", "d", "extra"}) == "unexpected argument 'extra'");
}

TEST_CASE("a wrong value is named with its flag") {
  CHECK(complaint({"serve", "--data-dir", "d", "--reactors", "two"}) ==
        "--reactors: 'two' is not a whole number");
  CHECK(contains(complaint({"serve", "--data-dir"}), "--data-dir"));
  CHECK(contains(complaint({"serve", "--data-dir", "d", "--durability", "always"}),
                 "--durability: 'always' is not a durability"));
  CHECK(contains(complaint({"serve", "--data-dir", "d", "--client-address", "::1:7379"}),
                 "--client-address: '::1:7379' is not HOST:PORT"));
}

TEST_CASE("an unsafe or impossible configuration is refused before anything starts") {
  CHECK(contains(complaint({"serve"}), "data-dir: not set"));
  CHECK(contains(complaint({"serve", "--data-dir", "d", "--client-address", "0.0.0.0:1"}),
                 "needs a password"));
  CHECK(contains(complaint({"serve", "--data-dir", "d", "--http-address", "[::]:1"}),
                 "needs a token"));
  CHECK(contains(complaint({"serve", "--data-dir", "d", "--shards", "0"}),
                 "--shards: 0 is out of range"));
}

TEST_CASE("help and version are texts to print") {
  const auto version = parse({"--version"});
  REQUIRE(version);
  CHECK(std::get<tools::print_request>(*version).text.starts_with("troupe "));
  const auto help = parse({"serve", "--help"});
  REQUIRE(help);
  const auto& text = std::get<tools::print_request>(*help).text;
  for (const auto* flag : {"--data-dir", "--config", "--client-address", "--enable-debug"})
    CHECK(contains(text, flag));
}

TEST_CASE("inspect takes the paths to look at and how much to say") {
  const auto parsed = parse({"inspect", "a", "b"});
  REQUIRE(parsed);
  const auto& wanted = std::get<tools::inspect_request>(*parsed);
  CHECK(wanted.paths == std::vector<std::string>{"a", "b"});
  CHECK(wanted.how_much == log::detail::summary);
  const auto detailed = parse({"inspect", "--frames", "a"});
  REQUIRE(detailed);
  CHECK(std::get<tools::inspect_request>(*detailed).how_much == log::detail::frames);
  CHECK(contains(complaint({"inspect"}), "PATH"));
}

}  // namespace troupe::tests
