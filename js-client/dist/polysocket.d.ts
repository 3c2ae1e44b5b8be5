export = PolySocket;
export as namespace PolySocket;
