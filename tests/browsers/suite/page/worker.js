// In a dedicated worker: runs what the window says, and tells it.

self.onmessage = function (event) {
  self.suite.run(
    self.suiteSocket(event.data),
    event.data,
    function (result) {
      self.postMessage(result);
    },
    function () {
      self.postMessage({ done: true });
    }
  );
};
