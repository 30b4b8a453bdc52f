-- What wrk sends: the requests of a file, in turn. Arguments: the file, and a word that no other
-- run of wrk against the same bank is given.
--
-- Requests are whole, as they go over the wire, and end with a zero byte. Each byte of value 1 in one
-- stands for 24 characters that stand nowhere else.

local threads = 0

function setup(thread)
   threads = threads + 1
   thread:set("number", threads)
end

function init(arguments)
   local file = assert(io.open(arguments[1], "rb"))
   word = arguments[2]
   texts, turn, sent = {}, number * 7, 0
   for text in file:read("*a"):gmatch("([^%z]+)") do
      local parts = {}
      for part in (text .. "\1"):gmatch("([^\1]*)\1") do
         parts[#parts + 1] = part
      end
      texts[#texts + 1] = parts
   end
   file:close()
end

function request()
   turn = turn % #texts + 1
   local parts = texts[turn]
   if #parts == 1 then
      return parts[1]
   end
   local whole = { parts[1] }
   for at = 2, #parts do
      sent = sent + 1
      whole[#whole + 1] = string.format("%s-%02d-%012d", word, number, sent)
      whole[#whole + 1] = parts[at]
   end
   return table.concat(whole)
end

function done(summary, latency, requests)
   local failed = summary.errors
   io.write(string.format(
      '\n{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"unanswered":%d,"refused":%d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      failed.connect + failed.read + failed.write + failed.timeout, failed.status))
end
