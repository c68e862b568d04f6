#include "tools/config_file.hpp"

#include <doctest/doctest.h>

namespace troupe::tests {

namespace {

std::string complaint(std::string_view text) {
  actors::node_config config;
  const auto applied = tools::apply_config_text(text, "node.toml", config);
  return applied ? "" : applied.error().message;
}

}  // namespace

TEST_CASE("every kind of setting can be given in the file") {
  actors::node_config config;
  const auto applied = tools::apply_config_text(
      "# a node\n"
      "data-dir = \"/srv/troupe\"\n"
      "client-address = \"[::1]:0\"\n"
      "durability = \"interval\"\n"
      "memory = \"512MiB\"\n"
      "reactors = 3\n"
      "shards = 5\n"
      "enable-debug = true\n",
      "node.toml", config);
  REQUIRE(applied);
  CHECK(config.data_dir == "/srv/troupe");
  CHECK(config.client_address == actors::address{"::1", 0});
  CHECK(config.level == durability::interval);
  CHECK(config.memory_bytes == 512ull << 20);
  CHECK(config.reactors == 3);
  CHECK(config.shards == 5);
  CHECK(config.enable_debug);
}

TEST_CASE("an unknown key is named with file, line and the key that was meant") {
  CHECK(complaint("reactors = 1\n\nshard = 4\n") ==
        "node.toml:3: unknown key 'shard' (did you mean 'shards'?)");
  CHECK(complaint("colour = \"blue\"\n") == "node.toml:1: unknown key 'colour'");
  CHECK(complaint("[server]\nreactors = 1\n") == "node.toml:1: unknown key 'server'");
}

TEST_CASE("a wrong value is named with file, line and key") {
  CHECK(complaint("reactors = \"many\"\n") ==
        "node.toml:1: reactors: 'many' is not a whole number");
  CHECK(complaint("reactors = -1\n") == "node.toml:1: reactors: '-1' is not a whole number");
  CHECK(complaint("\nmemory = 1.5\n") ==
        "node.toml:2: memory needs a string, a whole number, true or false");
  CHECK(complaint("enable-debug = \"yes\"\n") ==
        "node.toml:1: enable-debug: 'yes' is neither true nor false");
  CHECK(
      complaint("client-address = \"7379\"\n").starts_with("node.toml:1: client-address: '7379'"));
}

TEST_CASE("text that is not TOML is refused with its line") {
  CHECK(complaint("reactors = 1\nshards =\n").starts_with("node.toml:2: "));
  CHECK(complaint("reactors = 1\nreactors = 2\n").starts_with("node.toml:2: "));
  CHECK(complaint("\xff\xfe\x00").starts_with("node.toml:1: "));
}

TEST_CASE("a missing file is named") {
  actors::node_config config;
  const auto applied = tools::apply_config_file("/nonexistent/node.toml", config);
  REQUIRE_FALSE(applied);
  CHECK(applied.error().message == "config: cannot read '/nonexistent/node.toml'");
}

}  // namespace troupe::tests
