-- Ties a nonce to a node and a request, unless it is tied; may replace just the claim the caller knows as stale.
--
-- KEYS  1 claim  hash: node, boot, request_id
-- ARGV  1 node  2 boot  3 request id  4 ttl, ms  5-7 the stale claim, or empty
-- Returns the claim that stands: node, boot, request id.

local standing = redis.call('HMGET', KEYS[1], 'node', 'boot', 'request_id')
if standing[1] then
  local stale = standing[1] == ARGV[5] and standing[2] == ARGV[6] and standing[3] == ARGV[7]
  if not stale then
    return standing
  end
end
redis.call('HSET', KEYS[1], 'node', ARGV[1], 'boot', ARGV[2], 'request_id', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return { ARGV[1], ARGV[2], ARGV[3] }
