// standardwebhooks 1.0 for JavaScript: reads requests as a receiver got them, says which it accepts.
'use strict'

const { Webhook } = require('standardwebhooks')

const requests = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const verdicts = requests.map(({ secret, headers, body }) => {
  try {
    return new Webhook(secret).verify(body, headers).type
  } catch (error) {
    return error.name
  }
})
process.stdout.write(JSON.stringify(verdicts))
