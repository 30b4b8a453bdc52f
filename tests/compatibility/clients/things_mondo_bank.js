// mondo-bank 0.1: attachments; in its time there were neither pots nor receipts.
'use strict'

const fs = require('fs')
const http = require('http')
const mondo = require('mondo-bank')
const { name, version } = require('mondo-bank/package.json')

const PICTURE = Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), Buffer.from('a picture')])

async function use (info, user) {
  mondo.setHost(info.base_url)
  const { client_id: client, client_secret: secret } = info
  const grant = { client_id: client, client_secret: secret, username: user.email, password: user.password }
  const { access_token: access } = await mondo.token(grant)
  const { transactions } = await mondo.transactions({ account_id: user.accounts[0].id, limit: 1 }, access)
  const transactionId = transactions[0].id
  const place = await mondo.uploadAttachment({ file_name: 'receipt.png', file_type: 'image/png' }, access)
  await send(place.upload_url)
  const params = { external_id: transactionId, file_url: place.file_url, file_type: 'image/png' }
  const { attachment } = await mondo.registerAttachment(params, access)
  const served = await isServed(place.file_url)
  const listed = await attached(transactionId, access)
  const deregistered = await mondo.deregisterAttachment(attachment.id, access)
  const made = { id: attachment.id, external_id: attachment.external_id, file_url: attachment.file_url }
  const left = await attached(transactionId, access)
  return { attachment: { transaction_id: transactionId, file_url: place.file_url, made, served, listed, deregistered, left } }
}

async function attached (transactionId, access) {
  const { transaction } = await mondo.transaction(transactionId, access)
  return transaction.attachments.map((one) => one.id)
}

// Send the file to where the bank said, raw and without a token.
function send (url) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'PUT' }, (answer) => {
      answer.resume()
      answer.on('end', () => answer.statusCode === 200 ? resolve() : reject(new Error(String(answer.statusCode))))
    })
    request.on('error', reject)
    request.end(PICTURE)
  })
}

// As what a file is served to anybody, and whether it is the one that was sent.
function isServed (url) {
  return new Promise((resolve, reject) => {
    http.get(url, (answer) => {
      const parts = []
      answer.on('data', (part) => parts.push(part))
      answer.on('end', () => resolve([answer.headers['content-type'], Buffer.concat(parts).equals(PICTURE)]))
    }).on('error', reject)
  })
}

async function main () {
  const info = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))
  process.stdout.write(JSON.stringify({ library: `${name} ${version}`, ...await use(info, info.users[0]) }))
}

main().catch((error) => {
  process.stderr.write(`${JSON.stringify(error)} ${error.stack || ''}\n`)
  process.exitCode = 1
})
