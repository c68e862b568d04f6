#include "actors/resp/command_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace troupe::resp {
namespace {

resolved_command check(const std::vector<std::string>& words) {
  const std::vector<std::string_view> argv(words.begin(), words.end());
  return check_command(argv);
}

TEST_CASE("every command is found by its name in any case and nothing else is") {
  for (const command_spec* spec : all_commands()) {
    std::string name(spec->name);
    CHECK(find(name) == spec);
    for (char& c : name) c = static_cast<char>(c - 'a' + 'A');
    CHECK(find(name) == spec);
    name[0] = static_cast<char>(name[0] - 'A' + 'a');
    CHECK(find(name) == spec);
    CHECK(find(name + "x") == nullptr);
    CHECK(find(name.substr(1)) != spec);
    name.back() = '\0';
    CHECK(find(name) == nullptr);
  }
  for (const char* name : {"", "lpush", "hset", "(fetch)", "(place)", "config|get",
                           "a-name-much-longer-than-any-command"}) {
    CHECK(find(name) == nullptr);
  }
}

TEST_CASE("every command and subcommand has a number of its own, which leads back to it") {
  const auto numbered = numbered_commands();
  for (std::size_t i = 0; i < numbered.size(); ++i) CHECK(numbered[i]->number == i);
  std::size_t count = 0;
  for (const command_spec* spec : all_commands()) {
    CHECK(numbered[spec->number] == spec);
    ++count;
    for (const command_spec& sub : spec->subcommands) {
      CHECK(numbered[sub.number] == &sub);
      CHECK(sub.name.starts_with(spec->name));
      ++count;
    }
  }
  CHECK(count == numbered.size());
}

TEST_CASE("characters that differ from letters in the case bit only do not match") {
  CHECK(find("get") != nullptr);
  CHECK(find(std::string("\x47\x45\x54", 3)) != nullptr);
  CHECK(find(std::string("\x07\x05\x14", 3)) == nullptr);
  CHECK(find(std::string("\x27\x25\x34", 3)) == nullptr);
}

TEST_CASE("all commands are listed once, sorted by name") {
  const auto all = all_commands();
  CHECK(std::is_sorted(all.begin(), all.end(), [](auto* a, auto* b) { return a->name < b->name; }));
  CHECK(std::adjacent_find(all.begin(), all.end(),
                           [](auto* a, auto* b) { return a->name == b->name; }) == all.end());
}

TEST_CASE("exactly the commands of a shard scope have a handler") {
  const auto is_consistent = [](const command_spec& spec) {
    const bool in_shard = spec.scope == scope::shard_key || spec.scope == scope::shard_keys ||
                          spec.scope == scope::every_shard;
    return in_shard == (spec.handler != nullptr);
  };
  for (const command_spec* spec : all_commands()) {
    CHECK_MESSAGE(is_consistent(*spec), spec->name);
    for (const command_spec& subcommand : spec->subcommands) {
      CHECK_MESSAGE(is_consistent(subcommand), subcommand.name);
    }
  }
}

TEST_CASE("subcommands are found under their container") {
  const command_spec* config = find("config");
  REQUIRE(config != nullptr);
  const command_spec* get = find_subcommand(*config, "GeT");
  REQUIRE(get != nullptr);
  CHECK(get->name == "config|get");
  CHECK(find_subcommand(*config, "get2") == nullptr);
  CHECK(find_subcommand(*find("get"), "x") == nullptr);
}

TEST_CASE("keys are located by first, last and step") {
  CHECK(keys_of(*find("ping"), 1).empty());
  const auto get = keys_of(*find("get"), 2);
  CHECK(get.first == 1);
  CHECK(get.end == 2);
  const auto mset = keys_of(*find("mset"), 5);
  CHECK(mset.first == 1);
  CHECK(mset.end == 5);
  CHECK(mset.step == 2);
  const auto rename = keys_of(*find("rename"), 3);
  CHECK(rename.end == 3);
  const auto encoding = keys_of(*find_subcommand(*find("object"), "encoding"), 3);
  CHECK(encoding.first == 2);
  CHECK(encoding.end == 3);
}

TEST_CASE("what cannot be executed is refused in Redis' words") {
  CHECK(check({"nope"}).error == "ERR unknown command 'nope', with args beginning with: ");
  CHECK(check({"LPUSH", "a", "b c"}).error ==
        "ERR unknown command 'LPUSH', with args beginning with: 'a' 'b c' ");
  CHECK(check({"nope", std::string(200, 'x'), "y"}).error ==
        "ERR unknown command 'nope', with args beginning with: '" + std::string(128, 'x') + "' ");
  CHECK(check({"GET"}).error == "ERR wrong number of arguments for 'get' command");
  CHECK(check({"get", "a", "b"}).error == "ERR wrong number of arguments for 'get' command");
  CHECK(check({"client"}).error == "ERR wrong number of arguments for 'client' command");
  CHECK(check({"Client", "Foo"}).error == "ERR unknown subcommand 'Foo'. Try CLIENT HELP.");
  CHECK(check({"config", "get"}).error == "ERR wrong number of arguments for 'config|get' command");
}

TEST_CASE("a well-formed command resolves to its own or its subcommand's spec") {
  CHECK(check({"get", "a"}).spec == find("get"));
  CHECK(!check({"get", "a"}).error);
  CHECK(check({"command"}).spec == find("command"));
  CHECK(check({"OBJECT", "ENCODING", "a"}).spec->name == "object|encoding");
}

TEST_CASE("a key over the size limit is refused wherever it stands") {
  const std::string largest(64 * 1024, 'k');
  CHECK(!check({"get", largest}).error);
  CHECK(check({"get", largest + "k"}).error ==
        "ERR key exceeds maximum allowed size (65536 bytes)");
  CHECK(check({"mset", "a", "1", largest + "k", "2"}).error);
  CHECK(!check({"mset", "a", largest + "k", "b", "2"}).error);
}

}  // namespace
}  // namespace troupe::resp
