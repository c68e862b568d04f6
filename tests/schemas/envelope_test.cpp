// envelope<T>: what is built is what is read, whatever its size, in memory and over the wire.
#include "schemas/envelope.hpp"

#include <doctest/doctest.h>

#include <caf/binary_deserializer.hpp>
#include <caf/serializer_impl.hpp>
#include <string>
#include <vector>

#include "schemas/command.capnp.h"
#include "schemas/log.capnp.h"

namespace troupe::tests {
namespace {

using schemas::envelope;
using frame_envelope = envelope<schemas::LogFrame>;
using bytes = std::vector<char>;

frame_envelope frame_of(const std::string& records, std::size_t capacity) {
  frame_envelope::builder message(capacity);
  message->setUse(1);
  message->setLast(42);
  message->setTimeMs(-7);
  message->setRecords(schemas::data(records));
  return message.finish();
}

void check(const frame_envelope& message, const std::string& records) {
  const frame_envelope::reader read(message);
  CHECK(read->getUse() == 1);
  CHECK(read->getLast() == 42);
  CHECK(read->getTimeMs() == -7);
  CHECK(read->getFirst() == 0);
  CHECK(schemas::view(read->getRecords()) == records);
}

bytes saved(frame_envelope message) {
  bytes buffer;
  caf::serializer_impl<bytes> sink(nullptr, buffer);
  CHECK_FALSE(inspect(sink, message));
  return buffer;
}

}  // namespace

TEST_CASE("fields and bytes come back as they were set") {
  for (const std::size_t size : {0u, 1u, 7u, 8u, 9u, 1000u}) {
    const std::string records(size, 'r');
    check(frame_of(records, size + 256), records);
  }
}

TEST_CASE("a message that outgrows its block is whole all the same") {
  for (const std::size_t size : {100u, 5000u, 1000000u}) {
    const std::string records(size, 'r');
    check(frame_of(records, 8), records);
  }
}

TEST_CASE("a list that outgrows its block is whole all the same") {
  envelope<schemas::CommandBatch>::builder message(8);
  auto commands = message->initCommands(500);
  for (unsigned i = 0; i < 500; ++i) {
    commands[i].setTicket(i);
    auto words = commands[i].initArguments(1);
    words.set(0, schemas::data("word " + std::to_string(i)));
  }
  const auto finished = message.finish();
  const envelope<schemas::CommandBatch>::reader read(finished);
  REQUIRE(read->getCommands().size() == 500);
  for (unsigned i = 0; i < 500; ++i) {
    CHECK(read->getCommands()[i].getTicket() == i);
    CHECK(schemas::view(read->getCommands()[i].getArguments()[0]) == "word " + std::to_string(i));
  }
}

TEST_CASE("a message around one large blob has only what was set") {
  for (const std::size_t size : {0u, 1u, 600u, 100000u}) {
    const std::string records(size, 'r');
    auto message = frame_envelope::builder::with_blob(records.size());
    message->setUse(1);
    message->setLast(42);
    message->setTimeMs(-7);
    message->setRecords(schemas::data(records));
    check(message.finish(), records);
  }
}

TEST_CASE("copies share the message, which lives as long as any of them") {
  auto first = frame_of("records", 256);
  const auto copy = first;
  first = {};
  CHECK_FALSE(first);
  check(copy, "records");
}

TEST_CASE("an envelope survives serialization, an empty one, too") {
  const auto wire = saved(frame_of("records", 256));
  frame_envelope loaded;
  caf::binary_deserializer source(nullptr, wire);
  CHECK_FALSE(inspect(source, loaded));
  check(loaded, "records");

  const auto nothing = saved({});
  caf::binary_deserializer second(nullptr, nothing);
  CHECK_FALSE(inspect(second, loaded));
  CHECK(loaded.words() == 0);
}

TEST_CASE("a message that says it is too large is refused before anything is allocated") {
  bytes wire;
  caf::serializer_impl<bytes> sink(nullptr, wire);
  std::uint32_t words = schemas::message_words_max + 1;
  CHECK_FALSE(sink(words));
  frame_envelope loaded;
  caf::binary_deserializer source(nullptr, wire);
  CHECK(inspect(source, loaded));
}

TEST_CASE("a truncated message is refused") {
  auto wire = saved(frame_of("records", 256));
  for (std::size_t size = 0; size < wire.size(); ++size) {
    const bytes cut(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(size));
    frame_envelope loaded;
    caf::binary_deserializer source(nullptr, cut);
    CHECK(inspect(source, loaded));
    CHECK_FALSE(loaded);
  }
}

}  // namespace troupe::tests
