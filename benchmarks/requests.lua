-- What wrk sends: the requests of a file, in turn. Arguments: the file, and a word that no other
-- run of wrk against the same bank is given.
--
-- Requests are whole, as they go over the wire, and end with a zero byte. A byte of value 1 in one
-- stands for 24 characters that no other request has.

local threads = 0

function setup(thread)
   threads = threads + 1
   thread:set("number", threads)
end

function init(arguments)
   local file = assert(io.open(arguments[1], "rb"))
   word = arguments[2]
   heads, tails, turn, sent = {}, {}, number * 7, 0
   for text in file:read("*a"):gmatch("([^%z]+)") do
      local head, tail = text:match("^([^\1]*)\1?(.*)$")
      heads[#heads + 1] = head
      tails[#tails + 1] = tail
   end
   file:close()
end

function request()
   turn = turn % #heads + 1
   if tails[turn] == "" then
      return heads[turn]
   end
   sent = sent + 1
   return heads[turn] .. string.format("%s-%02d-%012d", word, number, sent) .. tails[turn]
end

function done(summary, latency, requests)
   local failed = summary.errors
   io.write(string.format(
      '\n{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"unanswered":%d,"refused":%d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      failed.connect + failed.read + failed.write + failed.timeout, failed.status))
end
