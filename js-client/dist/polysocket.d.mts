export default PolySocket;
export { PolySocket };
