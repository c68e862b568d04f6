#include "tools/config_file.hpp"

#include <doctest/doctest.h>

namespace troupe::tests {

namespace {

std::string complaint(std::string_view text) {
  actors::node_config config;
  tools::setting_origins origins;
  const auto applied = tools::apply_config_text(text, "node.toml", config, origins);
  return applied ? "" : applied.error().message;
}

}  // namespace

TEST_CASE("every kind of setting can be given in the file") {
  actors::node_config config;
  tools::setting_origins origins;
  const auto applied = tools::apply_config_text(
      "# a node\n"
      "data-dir = \"/srv/troupe\"\n"
      "client-address = \"[::1]:0\"\n"
      "durability = \"interval\"\n"
      "memory = \"512MiB\"\n"
      "reactors = 3\n"
      "shards = 5\n"
      "enable-debug = true\n",
      "node.toml", config, origins);
  REQUIRE(applied);
  CHECK(origins.at("data-dir") == "node.toml:2: data-dir");
  CHECK(origins.at("enable-debug") == "node.toml:8: enable-debug");
  CHECK(origins.size() == 7);
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

TEST_CASE("everything that is wrong is named, in the order of the file") {
  CHECK(complaint("zeta = 1\nshards = true\nshards2 = 1\nalpha = 2\n") ==
        "node.toml:1: unknown key 'zeta'\n"
        "node.toml:2: shards: needs a whole number, not true or false\n"
        "node.toml:3: unknown key 'shards2' (did you mean 'shards'?)\n"
        "node.toml:4: unknown key 'alpha'");
}

TEST_CASE("a wrong value is named with file, line and key") {
  CHECK(complaint("reactors = -1\n") == "node.toml:1: reactors: '-1' is not a whole number");
  CHECK(complaint("memory = \"much\"\n").starts_with("node.toml:1: memory: 'much' is not a size"));
  CHECK(
      complaint("client-address = \"7379\"\n").starts_with("node.toml:1: client-address: '7379'"));
}

TEST_CASE("a value of another kind is named with what is needed") {
  CHECK(complaint("data-dir = 5\n") == "node.toml:1: data-dir: needs a string, not a whole number");
  CHECK(complaint("reactors = \"many\"\n") ==
        "node.toml:1: reactors: needs a whole number, not a string");
  CHECK(complaint("\nmemory = 1.5\n") ==
        "node.toml:2: memory: needs a whole number or a string such as \"512MiB\", not a fraction");
  CHECK(complaint("enable-debug = \"yes\"\n") ==
        "node.toml:1: enable-debug: needs true or false, not a string");
  CHECK(complaint("password = 2026-01-01\n") ==
        "node.toml:1: password: needs a string, not a date or time");
  CHECK(complaint("shards = [1]\n") == "node.toml:1: shards: needs a whole number, not an array");
  CHECK(complaint("[shards]\n") == "node.toml:1: shards: needs a whole number, not a table");
}

TEST_CASE("a size may be a whole number of bytes") {
  actors::node_config config;
  tools::setting_origins origins;
  REQUIRE(tools::apply_config_text("segment-size = 8388608\n", "node.toml", config, origins));
  CHECK(config.segment_bytes == 8388608);
}

TEST_CASE("text that is not TOML is refused with its line") {
  CHECK(complaint("reactors = 1\nshards =\n").starts_with("node.toml:2: "));
  CHECK(complaint("reactors = 1\nreactors = 2\n").starts_with("node.toml:2: "));
  CHECK(complaint("\xff\xfe\x00").starts_with("node.toml:1: "));
}

TEST_CASE("a missing file is named") {
  actors::node_config config;
  tools::setting_origins origins;
  const auto applied = tools::apply_config_file("/nonexistent/node.toml", config, origins);
  REQUIRE_FALSE(applied);
  CHECK(applied.error().message == "config: cannot read '/nonexistent/node.toml'");
}

}  // namespace troupe::tests
