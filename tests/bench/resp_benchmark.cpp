// Cost of the RESP front end per command: parsing, writing replies, holding and releasing them.
// Run: resp_benchmark --benchmark_format=json; the time shown is per round of `depth` commands, the
// items per second are commands.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/resp/parser.hpp"
#include "actors/resp/reply_queue.hpp"
#include "actors/resp/reply_writer.hpp"

namespace {

using namespace troupe;

constexpr std::string_view set_command =
    "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000012345\r\n$100\r\n"
    "0123456789012345678901234567890123456789012345678901234567890123456789"
    "012345678901234567890123456789\r\n";
constexpr std::string_view get_command = "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000012345\r\n";
constexpr std::string_view inline_command = "SET key:000000012345 value\r\n";

void parse(benchmark::State& state, std::string_view command) {
  const auto depth = static_cast<std::size_t>(state.range(0));
  std::string round;
  for (std::size_t i = 0; i < depth; ++i) round += command;
  resp::parser parser(resp::parse_limits::authenticated());
  std::vector<std::string_view> words;
  for (auto _ : state) {
    words.clear();
    std::size_t done = 0;
    const std::span<char> input(round);
    while (parser.next(input.subspan(done), words) == resp::parse_status::command) {
      done += parser.consumed();
    }
    benchmark::DoNotOptimize(words.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void parse_set(benchmark::State& state) { parse(state, set_command); }
void parse_get(benchmark::State& state) { parse(state, get_command); }
void parse_inline(benchmark::State& state) { parse(state, inline_command); }

/// A command whose second half comes with the next receive.
void parse_cut_set(benchmark::State& state) {
  std::string command(set_command);
  const std::span<char> input(command);
  resp::parser parser(resp::parse_limits::authenticated());
  std::vector<std::string_view> words;
  for (auto _ : state) {
    words.clear();
    benchmark::DoNotOptimize(parser.next(input.first(80), words));
    benchmark::DoNotOptimize(parser.next(input, words));
  }
  state.SetItemsProcessed(state.iterations());
}

void write_bulks(benchmark::State& state) {
  const std::string value(static_cast<std::size_t>(state.range(0)), 'v');
  std::string to;
  for (auto _ : state) {
    to.clear();
    resp::reply_writer writer(to, resp::protocol::resp2);
    for (int i = 0; i < 64; ++i) writer.bulk(value);
    benchmark::DoNotOptimize(to.data());
  }
  state.SetItemsProcessed(state.iterations() * 64);
}

void write_integers(benchmark::State& state) {
  std::string to;
  std::int64_t number = 0;
  for (auto _ : state) {
    to.clear();
    resp::reply_writer writer(to, resp::protocol::resp2);
    for (int i = 0; i < 64; ++i) writer.integer(number += 977);
    benchmark::DoNotOptimize(to.data());
  }
  state.SetItemsProcessed(state.iterations() * 64);
}

/// A round of replies that wait for nothing.
void queue_ready(benchmark::State& state) {
  resp::reply_queue queue;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      resp::reply_writer(queue.output(), resp::protocol::resp2).ok();
    }
    queue.consume(queue.sendable().size());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

/// A round of writes, each held, released by one commit.
void queue_held(benchmark::State& state) {
  resp::reply_queue queue;
  std::uint64_t sequence = 0;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      const std::size_t from = queue.mark();
      resp::reply_writer(queue.output(), resp::protocol::resp2).ok();
      queue.hold(from, {.shard = {0}, .sequence = {++sequence}, .since_us = 1});
    }
    queue.advance({0}, {sequence});
    queue.consume(queue.sendable().size());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

/// A round whose replies all come from another reactor.
void queue_reserved(benchmark::State& state) {
  resp::reply_queue queue;
  std::vector<resp::ticket> places;
  for (auto _ : state) {
    places.clear();
    for (std::int64_t i = 0; i < state.range(0); ++i) places.push_back(queue.reserve());
    for (const resp::ticket place : places) {
      benchmark::DoNotOptimize(queue.fill(place, "+OK\r\n"));
    }
    while (!queue.empty()) queue.consume(queue.sendable().size());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(parse_set)->Arg(1)->Arg(64);
BENCHMARK(parse_get)->Arg(1)->Arg(64);
BENCHMARK(parse_inline)->Arg(64);
BENCHMARK(parse_cut_set);
BENCHMARK(write_bulks)->Arg(3)->Arg(100);
BENCHMARK(write_integers);
BENCHMARK(queue_ready)->Arg(1)->Arg(64);
BENCHMARK(queue_held)->Arg(1)->Arg(64);
BENCHMARK(queue_reserved)->Arg(1)->Arg(64);

}  // namespace

BENCHMARK_MAIN();
