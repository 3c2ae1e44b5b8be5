// Times one socket of one of the clients, from `new` to `open`.

const makers = {
  native: ({ plain }) => new WebSocket(plain),
  polysocket: ({ router, target }) => {
    PolySocket.configure({ router });
    return new PolySocket(target);
  },
  sockjs: ({ sockjs }) => new SockJS(sockjs),
  'engine.io': ({ engine }) => {
    const socket = eio(engine);
    socket.on('open', () => socket.onopen());
    return socket;
  },
};

window.timeOpen = (name, addresses, max) => {
  return new Promise((resolve) => {
    const began = performance.now();
    const socket = makers[name](addresses);
    const timer = setTimeout(() => resolve(null), max);
    socket.onopen = () => {
      clearTimeout(timer);
      const took = performance.now() - began;
      // The shim goes on for a moment: what it learns now is what a later visit knows.
      setTimeout(() => {
        socket.onclose = null;
        socket.close();
        resolve({ took, way: name === 'polysocket' ? socket.transport + ' ' + socket.reason : '' });
      }, 200);
    };
  });
};
