-- Id and info of each member.
--
-- KEYS  1 info  2 leases

expire(KEYS[1], KEYS[2])
return redis.call('HGETALL', KEYS[1])
