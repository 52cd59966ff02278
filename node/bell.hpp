// Bell: wakes a thread that sleeps in poll(). Ringing twice before the sleeper has looked is the
// same as once. An eventfd; ring() from any thread, quiet() from the sleeper.
#pragma once

namespace nemcon::node {

class Bell {
 public:
  Bell();
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  void ring();

  // After this, only what is rung from now on is heard. Call it before looking for what the
  // ringing was about.
  void quiet();

  // Readable while it rings.
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

}  // namespace nemcon::node
