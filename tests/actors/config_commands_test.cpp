#include "actors/config_commands.hpp"

#include <doctest/doctest.h>

#include "tests/actors/connection_fixture.hpp"

namespace troupe::tests {

using actors::apply_setting;
using actors::live_settings;

namespace {

std::string set_failed(std::string_view name, std::string_view why) {
  return error(
      fmt::format("CONFIG SET failed (possibly related to argument '{}') - {}", name, why));
}

}  // namespace

TEST_CASE("CONFIG GET answers what is so") {
  connection_fixture client;
  client.config.data_dir = "/data";
  client.config.password = "";
  CHECK(client.ask({"CONFIG", "GET", "save"}) == "*2\r\n$4\r\nsave\r\n$0\r\n\r\n");
  CHECK(client.ask({"CONFIG", "GET", "AppendOnly"}) == "*2\r\n$10\r\nAppendOnly\r\n$3\r\nyes\r\n");
  CHECK(client.ask({"CONFIG", "GET", "dir"}) == "*2\r\n$3\r\ndir\r\n$5\r\n/data\r\n");
  CHECK(client.ask({"CONFIG", "GET", "port"}) == "*2\r\n$4\r\nport\r\n$4\r\n7379\r\n");
  CHECK(client.ask({"CONFIG", "GET", "shards"}) == "*2\r\n$6\r\nshards\r\n$1\r\n2\r\n");
  CHECK(client.ask({"CONFIG", "GET", "nosuch"}) == "*0\r\n");
}

TEST_CASE("CONFIG GET takes patterns and shows each parameter once") {
  connection_fixture client;
  client.settings.client_memory_bytes = 1 << 20;
  CHECK(client.ask({"CONFIG", "GET", "MAXMEM*", "maxmemory", "maxmemory-p?licy"}) ==
        fmt::format("*6\r\n$9\r\nmaxmemory\r\n$9\r\n{}\r\n"
                    "$17\r\nmaxmemory-clients\r\n$7\r\n1048576\r\n"
                    "$16\r\nmaxmemory-policy\r\n$10\r\nnoeviction\r\n",
                    client.config.memory_bytes));
  client.ask({"HELLO", "3"});
  CHECK(client.ask({"CONFIG", "GET", "save"}).starts_with("%1\r\n"));
}

TEST_CASE("appendfsync tells what the durability level does") {
  const std::pair<durability, std::string_view> levels[] = {
      {durability::memory, "no"},
      {durability::interval, "everysec"},
      {durability::durable, "always"},
  };
  for (const auto& [level, policy] : levels) {
    connection_fixture client;
    client.settings.level = level;
    CHECK(client.ask({"CONFIG", "GET", "appendfsync"}) ==
          fmt::format("*2\r\n$11\r\nappendfsync\r\n${}\r\n{}\r\n", policy.size(), policy));
  }
}

TEST_CASE("no parameter shows the password") {
  connection_fixture client;
  client.config.password = "secret";
  client.ask({"AUTH", "secret"});
  const auto all = client.ask({"CONFIG", "GET", "*"});
  CHECK(all.find("secret") == std::string::npos);
  CHECK(all.find("requirepass\r\n$0\r\n") != std::string::npos);
}

TEST_CASE("CONFIG SET of several parameters is answered once, when the last one holds") {
  connection_fixture client;
  CHECK(client.ask({"CONFIG", "SET", "Timeout", "5", "durability", "memory"}).empty());
  const auto& sent = client.services.settings;
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].name == "timeout");
  CHECK(sent[0].value == "5");
  CHECK(sent[1].name == "durability");
  CHECK(sent[1].value == "memory");
  client.session().on_answer(sent[0].ticket, "+OK\r\n");
  CHECK(client.take().empty());
  client.session().on_answer(sent[1].ticket, "+OK\r\n");
  CHECK(client.take() == "+OK\r\n");
  CHECK(client.ask({"PING"}) == "+PONG\r\n");
  CHECK(client.session().wants_input());
}

TEST_CASE("CONFIG SET leaves replies off where they were off") {
  connection_fixture client;
  client.ask({"CLIENT", "REPLY", "OFF"});
  CHECK(client.ask({"CONFIG", "SET", "timeout", "5", "durability", "memory"}).empty());
  for (const auto& sent : client.services.settings) {
    client.session().on_answer(sent.ticket, "+OK\r\n");
  }
  CHECK(client.ask({"PING"}).empty());
}

TEST_CASE("CONFIG SET changes nothing when one of its parameters is wrong") {
  connection_fixture client;
  CHECK(client.ask({"CONFIG", "SET", "a"}) ==
        error("wrong number of arguments for 'config|set' command"));
  CHECK(client.ask({"CONFIG", "SET", "a", "b", "c"}) == error("syntax error"));
  CHECK(client.ask({"CONFIG", "SET", "timeout", "1", "NoSuch", "b"}) ==
        error("Unknown option or number of arguments for CONFIG SET - 'NoSuch'"));
  CHECK(client.ask({"CONFIG", "SET", "timeout", "x", "PORT", "1"}) ==
        set_failed("PORT", "can't set immutable config"));
  CHECK(client.ask({"CONFIG", "SET", "timeout", "x", "Timeout", "1"}) ==
        set_failed("Timeout", "duplicate parameter"));
  CHECK(client.ask({"CONFIG", "SET", "durability", "memory", "timeout", "01"}) ==
        set_failed("timeout", "argument couldn't be parsed into an integer"));
  CHECK(client.ask({"CONFIG", "SET", "timeout", "-1"}) ==
        set_failed("timeout", "argument must be between 0 and 2147483647 inclusive"));
  CHECK(client.ask({"CONFIG", "SET", "maxclients", "0"}) ==
        set_failed("maxclients", "argument must be between 1 and 10000 inclusive"));
  CHECK(client.ask({"CONFIG", "SET", "maxmemory-clients", "1000"}) ==
        set_failed("maxmemory-clients", "argument must be 0 or at least 1048576"));
  CHECK(client.ask({"CONFIG", "SET", "durability", "replicated"}) ==
        set_failed("durability",
                   "argument(s) must be one of the following: memory, interval, durable"));
  CHECK(client.services.settings.empty());
}

TEST_CASE("maxmemory-clients takes units and percents, and shows percents as such") {
  live_settings settings;
  settings.memory_bytes = 1 << 30;
  CHECK(!apply_setting(settings, "maxmemory-clients", "2mb"));
  CHECK(settings.client_memory_bytes == 2 << 20);
  CHECK(!apply_setting(settings, "maxmemory-clients", "50%"));
  CHECK(settings.client_memory_bytes == (1 << 30) / 100 * 50);
  for (const auto* wrong : {"5x", "-1", "x%", "%", "-1%", "", "1.5%"}) {
    CHECK(apply_setting(settings, "maxmemory-clients", wrong) ==
          "argument must be a memory or percent value");
  }
  CHECK(apply_setting(settings, "maxmemory-clients", "101%") ==
        "percentage argument must be less or equal to 100");
  CHECK(apply_setting(settings, "maxmemory-clients", "5kb") ==
        "argument must be 0 or at least 1048576");
  connection_fixture client;
  client.settings = settings;
  CHECK(client.ask({"CONFIG", "GET", "maxmemory-clients"}).ends_with("$3\r\n50%\r\n"));
  CHECK(!apply_setting(client.settings, "maxmemory-clients", "1gb"));
  CHECK(client.ask({"CONFIG", "GET", "maxmemory-clients"}).ends_with("\r\n1073741824\r\n"));
}

TEST_CASE("CONFIG GET segment-size tells what the data directory has, not what a flag asked for") {
  connection_fixture client;
  client.config.segment_bytes = 4 << 20;
  client.settings.segment_bytes = 8 << 20;
  CHECK(client.ask({"CONFIG", "GET", "segment-size"}).ends_with("\r\n8388608\r\n"));
}

TEST_CASE("a setting takes effect in its own unit, or not at all") {
  live_settings settings;
  CHECK(!apply_setting(settings, "timeout", "5"));
  CHECK(settings.idle_timeout_us == 5'000'000);
  CHECK(!apply_setting(settings, "commit-timeout-ms", "250"));
  CHECK(settings.commit_timeout_us == 250'000);
  CHECK(!apply_setting(settings, "maxclients", "12"));
  CHECK(settings.clients_max == 12);
  settings.clients_capacity = 600;
  CHECK(apply_setting(settings, "maxclients", "601") ==
        "The operating system is not able to handle the specified number of clients, try with 600");
  CHECK(!apply_setting(settings, "maxclients", "600"));
  CHECK(!apply_setting(settings, "maxmemory-clients", "2000000"));
  CHECK(settings.client_memory_bytes == 2'000'000);
  CHECK(!apply_setting(settings, "maxmemory-clients", "0"));
  CHECK(settings.client_memory_bytes == 0);
  CHECK(!apply_setting(settings, "durability", "Memory"));
  CHECK(settings.level == durability::memory);
  CHECK(apply_setting(settings, "timeout", "x"));
  CHECK(apply_setting(settings, "port", "1"));
  CHECK(settings.idle_timeout_us == 5'000'000);
}

TEST_CASE("the bounds of commit-timeout-ms are those of the configuration file") {
  for (const auto value : {actors::commit_timeout_ms_min - 1, actors::commit_timeout_ms_min,
                           actors::commit_timeout_ms_max, actors::commit_timeout_ms_max + 1}) {
    CAPTURE(value);
    actors::node_config config;
    config.data_dir = "/data";
    config.commit_timeout_ms = static_cast<std::uint32_t>(value);
    live_settings settings;
    CHECK(!apply_setting(settings, "commit-timeout-ms", std::to_string(value)) ==
          config.validate().has_value());
  }
}

TEST_CASE("CONFIG RESETSTAT is answered when every gateway did it") {
  connection_fixture client;
  CHECK(client.ask({"CONFIG", "RESETSTAT"}).empty());
  REQUIRE(client.services.resets.size() == 1);
  client.session().on_answer(client.services.resets[0], "+OK\r\n");
  CHECK(client.take() == "+OK\r\n");
}

}  // namespace troupe::tests
