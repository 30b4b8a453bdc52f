// mondo-bank 0.1: setHost names the bank, token() is the password grant, answers are the bank's JSON as it is.
'use strict'

const fs = require('fs')
const mondo = require('mondo-bank')
const { name, version } = require('mondo-bank/package.json')

const PAGE = 60
const KEY = 'mondo bank'
const VALUE = 'naïve & raw=1'
const HOOK = 'https://app.example/hooks?key=wEXQbNaJ'

async function travel (info, user) {
  mondo.setHost(info.base_url)
  const token = await mondo.token({
    client_id: info.client_id,
    client_secret: info.client_secret,
    username: user.email,
    password: user.password
  })
  const access = token.access_token
  const whoami = await mondo.tokenInfo(access)
  const { accounts } = await mondo.accounts(access)
  const balances = {}
  const pages = {}
  for (const { id } of accounts) {
    balances[id] = await mondo.balance(id, access)
    pages[id] = await walk(id, access)
  }
  const annotation = await annotate(pages, access)
  const told = await messages(accounts[0].id, access)
  return { token, whoami, accounts, balances, pages, annotation, messages: told, refresh: await refresh(token) }
}

// Every page: each starts after the last id of the one before, until a page is empty.
async function walk (accountId, access) {
  const pages = []
  let since
  for (;;) {
    const params = { account_id: accountId, expand: 'merchant', limit: PAGE }
    if (since) params.since = since
    const { transactions } = await mondo.transactions(params, access)
    if (transactions.length === 0) return pages
    pages.push(transactions)
    since = transactions[transactions.length - 1].id
  }
}

// Annotate the first transaction there is, read it back, and take the annotation away again.
async function annotate (pages, access) {
  const walked = Object.values(pages).find((list) => list.length > 0)
  if (!walked) return null
  const id = walked[0][0].id
  const answered = await mondo.annotateTransaction(id, { [KEY]: VALUE }, access)
  const readBack = await mondo.transaction({ transaction_id: id, expand: 'merchant' }, access)
  const removed = await mondo.annotateTransaction({ transaction_id: id, metadata: { [KEY]: '' } }, access)
  return {
    transaction_id: id,
    key: KEY,
    value: VALUE,
    answered: answered.transaction.metadata,
    read_back: readBack.transaction.metadata,
    removed: removed.transaction.metadata,
    transaction: readBack.transaction
  }
}

// Put an item on the feed; register a webhook, find it in the list, and delete it.
async function messages (accountId, access) {
  const params = { title: 'mondo-bank', image_url: 'https://app.example/i.png', body: 'Hello' }
  const item = { account_id: accountId, params, url: 'https://app.example' }
  const posted = await mondo.createFeedItem(item, access)
  const { webhook } = await mondo.registerWebhook(accountId, HOOK, access)
  const { webhooks: listed } = await mondo.webhooks(accountId, access)
  const deleted = await mondo.deleteWebhook(webhook.id, access)
  const { webhooks: left } = await mondo.webhooks(accountId, access)
  return { account_id: accountId, title: params.title, posted, webhook, listed, deleted, left }
}

async function refresh (token) {
  const renewed = await mondo.refreshToken(token.refresh_token)
  return {
    whoami: await mondo.tokenInfo(renewed.access_token),
    renewed: renewed.access_token !== token.access_token,
    second_use: await refusal(mondo.refreshToken(token.refresh_token)),
    old_access: await refusal(mondo.tokenInfo(token.access_token)),
    whoami_at_the_end: await mondo.tokenInfo(renewed.access_token)
  }
}

// How the library told that it was refused, or null when it was not.
async function refusal (promise) {
  try {
    await promise
    return null
  } catch (error) {
    return { type: String(error.status), text: JSON.stringify(error.error) }
  }
}

async function main () {
  const info = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))
  const customers = []
  for (const user of info.users) customers.push(await travel(info, user))
  process.stdout.write(JSON.stringify({ library: `${name} ${version}`, customers }))
}

main().catch((error) => {
  process.stderr.write(`${JSON.stringify(error)} ${error.stack || ''}\n`)
  process.exitCode = 1
})
