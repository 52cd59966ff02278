// The encoding half of codec.hpp, by msgpack-cxx.
#include <msgpack.hpp>

#include "core/check.hpp"
#include "transport/codec.hpp"
#include "transport/wire_types.hpp"

namespace nemcon::transport {

namespace {

constexpr std::string_view magic = "NMCN";
constexpr std::uint8_t handshake_version = 0;

// The archive that writes what Reader reads. Keeps the same accounts, so that nothing leaves
// that the other side has to refuse.
class Writer {
 public:
  explicit Writer(FrameBuffer& out) : packer_(out) {}

  Writer(FrameBuffer& out, const DecodeLimits& limits) : Writer(out) { limits_ = limits; }

  template <class... Fields>
  void operator()(const Fields&... values) {
    array(sizeof...(Fields));
    (write(values), ...);
  }

  void write(bool value) {
    ++elements_;
    value ? packer_.pack_true() : packer_.pack_false();
  }

  void write(const std::string& value) {
    ++elements_;
    weight_ += weight_of_string(value.size());
    const std::uint32_t byte_count = counted(value.size(), limits_.string_bytes_max);
    packer_.pack_str(byte_count).pack_str_body(value.data(), byte_count);
  }

  void write(const core::Bytes& value) {
    ++elements_;
    const std::uint32_t byte_count = counted(value.byte_count(), limits_.bin_bytes_max);
    packer_.pack_bin(byte_count).pack_bin_body(value.view().data(), byte_count);
  }

  template <WireNumber Number>
  void write(const Number& value) {
    ++elements_;
    packer_.pack_uint64(value);
  }

  template <WireEnum Enum>
  void write(const Enum& value) {
    NEMCON_CHECK(is_known(value));
    write(static_cast<std::underlying_type_t<Enum>>(value));
  }

  template <class Tag, class Number>
  void write(const core::Id<Tag, Number>& value) {
    write(value.value());
  }

  void write(const core::Hlc& value) { write(value.value()); }

  template <class Tag>
  void write(const core::Id128<Tag>& value) {
    ++elements_;
    char bytes[16];
    put_big_endian(bytes, value.high);
    put_big_endian(bytes + 8, value.low);
    packer_.pack_bin(sizeof bytes).pack_bin_body(bytes, sizeof bytes);
  }

  template <class Item>
  void write(const std::vector<Item>& values) {
    array(values.size());
    weight_ += weight_of_array(values.size(), sizeof(Item));
    for (const Item& value : values)
      write(value);
  }

  template <class Value>
  void write(const std::optional<Value>& value) {
    value ? write(*value) : nil();
  }

  void write(const core::DescriptorPtr& value) {
    if (!value) return nil();
    weight_ += weight_of_descriptor;
    write(*value);
  }

  template <class... Kinds>
  void write(const std::variant<Kinds...>& value) {
    array(2);
    write(static_cast<std::uint32_t>(value.index()));
    std::visit([this](const auto& kind) { this->write(kind); }, value);
  }

  // Any other type: a struct with fields(), which this archive only reads from.
  template <class Struct>
  void write(const Struct& value) {
    fields(*this, const_cast<Struct&>(value));
  }

  void nil() {
    ++elements_;
    packer_.pack_nil();
  }

  void map(std::size_t count) {
    ++elements_;
    packer_.pack_map(counted(count, limits_.map_count_max));
  }

  // What the decoder will have to allocate beside the items themselves.
  [[nodiscard]] std::size_t weight() const { return weight_; }

  [[nodiscard]] std::uint64_t elements() const { return elements_; }

  // False once something was longer than the limits allow.
  [[nodiscard]] bool fits() const { return fits_; }

 private:
  static void put_big_endian(char* bytes, std::uint64_t value) {
    for (int i = 7; i >= 0; --i, value >>= 8U)
      bytes[i] = static_cast<char>(value);
  }

  void array(std::size_t count) {
    ++elements_;
    packer_.pack_array(counted(count, limits_.array_count_max));
  }

  // Cut to the limit, so that the packer's 32 bits hold; such a frame is thrown away.
  std::uint32_t counted(std::size_t count, std::uint32_t count_max) {
    if (count <= count_max) return static_cast<std::uint32_t>(count);
    fits_ = false;
    return count_max;
  }

  static constexpr std::uint32_t no_limit = 0xffffffff;

  msgpack::packer<FrameBuffer> packer_;
  DecodeLimits limits_{.frame_bytes_max = no_limit,
                       .array_count_max = no_limit,
                       .map_count_max = no_limit,
                       .string_bytes_max = no_limit,
                       .bin_bytes_max = no_limit,
                       .elements_max = no_limit};
  std::size_t weight_ = 0;
  std::uint64_t elements_ = 0;
  bool fits_ = true;
};

std::string big_endian(std::uint32_t value) {
  std::string bytes(4, '\0');
  for (std::size_t i = 4; i-- > 0; value >>= 8U)
    bytes[i] = static_cast<char>(value);
  return bytes;
}

void begin_frame(FrameBuffer& out, FrameKind kind, std::uint8_t version) {
  const char bytes[frame_header_bytes - magic.size()] = {static_cast<char>(version),
                                                         static_cast<char>(kind)};
  out.clear();
  out.write(magic.data(), magic.size());
  out.write(bytes, sizeof bytes);
}

void end_frame(FrameBuffer& out) {
  const std::size_t payload_bytes = out.byte_count() - frame_header_bytes;
  out.overwrite(frame_header_bytes - 4, big_endian(static_cast<std::uint32_t>(payload_bytes)));
}

bool is_affordable(std::size_t weight, std::size_t frame_bytes) {
  return weight <= decode_bytes_factor * frame_bytes + encode_bytes_base;
}

// The values around the items: up to two arrays.
constexpr std::uint64_t envelope_elements = 2;

// Appends an array of as many leading items as the frame should hold; the rest of the document
// before it is written already. The count is patched in afterwards, in the widest form.
template <class Item>
core::Result<std::size_t> encode_items(FrameBuffer& out, Writer& writer,
                                       std::span<const Item> items, const DecodeLimits& limits) {
  NEMCON_CHECK(!items.empty());
  const std::size_t count_at = out.byte_count() + 1;
  out.write("\xdd\0\0\0\0", 5);
  std::size_t count = 0;
  while (count < items.size() && count < limits.array_count_max &&
         (count == 0 || out.byte_count() < batch_bytes_target)) {
    const std::size_t end = out.byte_count();
    writer.write(items[count]);
    const bool fits =
        writer.fits() && writer.elements() + envelope_elements <= limits.elements_max &&
        out.byte_count() <= limits.frame_bytes_max &&
        is_affordable(writer.weight() + weight_of_array(count + 1, sizeof(Item)), out.byte_count());
    if (!fits) {
      out.truncate(end);
      break;
    }
    ++count;
  }
  if (count == 0) {
    out.clear();
    return core::Error{core::Errc::local_full, "larger than the largest frame"};
  }
  out.overwrite(count_at, big_endian(static_cast<std::uint32_t>(count)));
  end_frame(out);
  return count;
}

}  // namespace

// ---- buffer ---------------------------------------------------------------------------------

void FrameBuffer::clear() {
  // What one large frame needed is not kept for ever.
  constexpr std::size_t kept_bytes_max = 4 * batch_bytes_target;
  byte_count_ = 0;
  if (capacity_ > kept_bytes_max) {
    bytes_.reset();
    capacity_ = 0;
  }
}

void FrameBuffer::truncate(std::size_t byte_count) {
  NEMCON_CHECK(byte_count <= byte_count_);
  byte_count_ = byte_count;
}

void FrameBuffer::overwrite(std::size_t offset, std::string_view bytes) {
  NEMCON_CHECK(offset + bytes.size() <= byte_count_);
  std::memcpy(bytes_.get() + offset, bytes.data(), bytes.size());
}

void FrameBuffer::grow(std::size_t byte_count) {
  const std::size_t capacity =
      std::max<std::size_t>({1024, 2 * capacity_, byte_count_ + byte_count});
  std::unique_ptr<char[]> larger(new char[capacity]);
  if (byte_count_ != 0) std::memcpy(larger.get(), bytes_.get(), byte_count_);
  bytes_ = std::move(larger);
  capacity_ = capacity;
}

// ---- frames ---------------------------------------------------------------------------------

core::Result<std::size_t> encode_peer(FrameBuffer& out, const core::FrameHeader& header,
                                      std::span<const core::Message> items,
                                      const DecodeLimits& limits) {
  begin_frame(out, FrameKind::peer, protocol_version);
  Writer writer(out, limits);
  out.write("\x92", 1);
  writer.write(header);
  return encode_items(out, writer, items, limits);
}

core::Result<std::size_t> encode_requests(FrameBuffer& out, std::span<const core::Request> items,
                                          const DecodeLimits& limits) {
  begin_frame(out, FrameKind::requests, protocol_version);
  Writer writer(out, limits);
  return encode_items(out, writer, items.first(std::min(items.size(), requests_per_frame_max)),
                      limits);
}

core::Result<std::size_t> encode_replies(FrameBuffer& out, std::span<const core::Reply> items,
                                         const DecodeLimits& limits) {
  begin_frame(out, FrameKind::replies, protocol_version);
  Writer writer(out, limits);
  return encode_items(out, writer, items, limits);
}

void encode(FrameBuffer& out, const Greeting& greeting) {
  begin_frame(out, FrameKind::greeting, handshake_version);
  Writer{out}(greeting.role, greeting.version_min, greeting.version_max, greeting.frame_bytes_max,
              greeting.name);
  end_frame(out);
}

void encode(FrameBuffer& out, const Welcome& welcome) {
  begin_frame(out, FrameKind::welcome, handshake_version);
  Writer{out}(welcome.version, welcome.frame_bytes_max, welcome.name);
  end_frame(out);
}

void encode(FrameBuffer& out, const Refused& refused) {
  begin_frame(out, FrameKind::refusal, handshake_version);
  Writer{out}(refused.reason, refused.version_min, refused.version_max,
              refused.text.substr(0, handshake_text_bytes_max));
  end_frame(out);
}

void encode_ping(FrameBuffer& out, std::uint64_t mark) {
  begin_frame(out, FrameKind::ping, protocol_version);
  Writer{out}.write(mark);
  end_frame(out);
}

void encode_pong(FrameBuffer& out, std::uint64_t mark) {
  begin_frame(out, FrameKind::pong, protocol_version);
  Writer{out}.write(mark);
  end_frame(out);
}

void encode_control(FrameBuffer& out, FrameKind kind) {
  NEMCON_CHECK(kind == FrameKind::hold || kind == FrameKind::go_on || kind == FrameKind::bye);
  begin_frame(out, kind, protocol_version);
  Writer{out}.nil();
  end_frame(out);
}

// ---- parts ----------------------------------------------------------------------------------

core::Result<std::string> encode_headers(const Headers& headers) {
  if (headers.empty()) return std::string{};
  if (headers.size() > header_count_max) {
    return core::Error{core::Errc::local_full, "too many headers"};
  }
  FrameBuffer out;
  Writer writer(out);
  writer.map(headers.size());
  for (const auto& [name, value] : headers) {
    writer.write(name);
    writer.write(value);
  }
  return std::string(out.view());
}

void encode_canonical(FrameBuffer& out, const core::Descriptor& descriptor) {
  out.clear();
  Writer{out}.write(descriptor);
}

}  // namespace nemcon::transport
