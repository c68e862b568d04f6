#include "actors/stream_codec.hpp"

#include <memory>
#include <string>

namespace troupe::actors {

namespace {

/// A record that was read, as long as somebody has to send of it.
struct kept_record {
  explicit kept_record(schemas::envelope<schemas::RecordRead> from) : message(std::move(from)) {}
  schemas::envelope<schemas::RecordRead> message;
  schemas::envelope<schemas::RecordRead>::reader reader{message};
};

}  // namespace

schemas::envelope<schemas::StreamOrders> stream_orders::take() {
  schemas::envelope<schemas::StreamOrders>::builder message(orders_.size() * 16 + 64);
  auto list = message->initOrders(static_cast<unsigned>(orders_.size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setStream(orders_[i].first);
    list[i].setParts(orders_[i].second);
  }
  orders_.clear();
  return message.finish();
}

schemas::envelope<schemas::StreamPart> encode(const streamed_part& part, shard_id shard,
                                              std::string_view record) {
  schemas::envelope<schemas::StreamPart>::builder message;
  message->setShard(shard.value);
  message->setConnection(part.to.connection);
  message->setStream(part.stream);
  message->setIndex(part.index);
  if (part.bytes) {
    auto where = message->initPart();
    where.setOffset(static_cast<std::uint32_t>(part.bytes->data() - record.data()));
    where.setSize(static_cast<std::uint32_t>(part.bytes->size()));
  } else {
    message->setFailed(schemas::text(part.bytes.error().message));
  }
  return message.finish();
}

result<resp::shared_bytes> decode(schemas::StreamPart::Reader message,
                                  const schemas::envelope<schemas::RecordRead>& record) {
  if (message.isFailed()) {
    return failure{errc::corrupt, std::string(schemas::view(message.getFailed()))};
  }
  const auto kept = std::make_shared<const kept_record>(record);
  const auto where = message.getPart();
  return resp::shared_bytes{
      kept, schemas::view(kept->reader->getRecord()).substr(where.getOffset(), where.getSize())};
}

}  // namespace troupe::actors
