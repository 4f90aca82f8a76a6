#include "base/blob.hpp"

#include <cstring>
#include <new>

#include "base/check.hpp"

namespace causeway {

Blob Blob::allocate(std::size_t size) {
  Blob blob;
  if (size == 0) return blob;
  void* memory = ::operator new(sizeof(Owner) + size);
  blob.owner_ = new (memory) Owner;
  blob.view_ = {blob.owner_->bytes(), size};
  return blob;
}

Blob Blob::copy_of(std::string_view bytes) {
  return build(bytes.size(), [bytes](char* out) { std::memcpy(out, bytes.data(), bytes.size()); });
}

Blob Blob::slice(std::size_t offset, std::size_t size) const {
  CAUSEWAY_CHECK(offset <= view_.size());
  CAUSEWAY_CHECK(size <= view_.size() - offset);
  Blob part(*this);
  part.view_ = view_.substr(offset, size);
  return part;
}

void Blob::release() noexcept {
  if (owner_ == nullptr) return;
  if (owner_->count.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  owner_->~Owner();
  ::operator delete(owner_);
}

}  // namespace causeway
