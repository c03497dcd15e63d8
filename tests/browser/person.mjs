// A person at GraphiQL: looks, types, completes, runs, reads. Prints what was seen as JSON.
import { chromium } from 'playwright-core';

const [address, browserPath, profile, colorScheme, folder] = process.argv.slice(2);

// A browser that asks for nothing of its own, and finds no name but loopback's numbers.
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: browserPath,
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
  ],
  colorScheme,
  viewport: { width: 1440, height: 900 },
});
browser.setDefaultTimeout(30_000);

const seen = { requests: [], complaints: [], authorizations: [] };
const page = browser.pages()[0] ?? (await browser.newPage());
browser.on('request', request => {
  seen.requests.push(request.url());
  const authorization = request.headers().authorization;
  if (authorization) seen.authorizations.push(authorization);
});
page.on('requestfailed', request => seen.complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
page.on('console', message => {
  if (['error', 'warning'].includes(message.type())) seen.complaints.push(message.text());
});
page.on('pageerror', error => seen.complaints.push(String(error)));

const editor = page.locator('.graphiql-query-editor .monaco-editor');
const answer = page.getByRole('region', { name: 'Result Window' });
const suggestions = page.locator('.suggest-widget.visible');
const panel = page.locator('.graphiql-plugin');

async function shot(name) {
  await page.screenshot({ path: `${folder}/${name}-${colorScheme}.png` });
}

/** Types, and takes the suggestion of this name once the list has it. */
async function complete(text, name) {
  await page.keyboard.type(text);
  await suggestions.getByRole('option', { name: new RegExp(`^${name}\\b`) }).waitFor();
  const chosen = suggestions.locator('.monaco-list-row.focused .label-name');
  while ((await chosen.innerText()) !== name) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await suggestions.waitFor({ state: 'hidden' });
}

async function run() {
  await page.keyboard.press('Control+Enter');
  await answer.getByText('"data"').waitFor();
  return (await answer.locator('.view-lines').innerText()).replaceAll('\u00a0', ' ');
}

async function visit() {
  await page.goto(address);
  await editor.waitFor();
  seen.ready = await page.evaluate(() => performance.now());
  seen.firstPaint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
  seen.theme = await page.evaluate(() => getComputedStyle(document.querySelector('.graphiql-container')).backgroundColor);
  seen.tabs = await page.locator('.graphiql-tab').allInnerTexts();
  await page.getByText('OnCall(').first().waitFor();
  seen.variables = await page.getByRole('region', { name: 'Variables' }).innerText();

  // The first example runs as it stands.
  await editor.click();
  seen.example = await run();
  await shot('example');

  // A query of one's own, by completion.
  await page.getByRole('button', { name: 'New tab' }).click();
  await editor.click();
  await page.keyboard.press('Control+A');
  await complete('{ mode', 'models');
  await page.keyboard.type('(first: 2) { ');
  await complete('nod', 'nodes');
  await page.keyboard.type(' { ');
  await complete('nam', 'name');
  await page.keyboard.type(' ');
  await shot('completed');
  seen.own = await run();
  seen.query = (await editor.locator('.view-lines').innerText()).replaceAll('\u00a0', ' ');

  // A token goes with what is asked, and stays nowhere.
  await page.getByRole('button', { name: 'Headers' }).click();
  await page.locator('.graphiql-editor-tool .monaco-editor:visible').click();
  await page.keyboard.insertText('{ "authorization": "Bearer a-token-of-mine" }');
  await editor.click();
  await Promise.all([page.waitForResponse(response => response.request().method() === 'POST'), run()]);
  seen.kept = await page.evaluate(() => JSON.stringify(localStorage));

  // What the panels show.
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  await panel.getByRole('link', { name: 'Query', exact: true }).click();
  await panel.getByText('models').first().waitFor();
  seen.documentation = await panel.innerText();
  await shot('documentation');
  await page.getByRole('button', { name: 'Show GraphiQL Explorer' }).click();
  await panel.getByText('sources').first().waitFor();
  seen.explorer = await panel.innerText();
  await shot('explorer');
  await page.getByRole('button', { name: 'Show History' }).click();
  await panel.getByText('models').first().waitFor();
  await page.getByRole('button', { name: 'Show Examples' }).click();
  seen.examples = await panel.getByRole('listitem').allInnerTexts();
  await shot('examples');
  await panel.getByRole('listitem').last().click();
  const opened = page.locator('.graphiql-tab').nth(seen.tabs.length + 1);
  await opened.filter({ hasNotText: '<untitled>' }).waitFor();
  seen.opened = await opened.innerText();

  // How an answer comes about: the calls it took, and the plan that asks nobody.
  await page.locator('.graphiql-tab').first().click();
  await page.getByRole('button', { name: 'Show Explain' }).click();
  await panel.getByRole('radio', { name: 'Answer, and trace the calls it took' }).check();
  await editor.click();
  await page.keyboard.press('Control+Enter');
  await panel.getByText('Answered in').waitFor();
  await panel.locator('summary').nth(1).click();
  seen.traced = await panel.innerText();
  await shot('trace');
  await panel.getByRole('radio', { name: 'Plan only: ask no source' }).check();
  await editor.click();
  await page.keyboard.press('Control+Enter');
  await panel.getByText('First, together').waitFor();
  seen.planned = await panel.innerText();
  seen.planData = (await answer.locator('.view-lines').innerText()).replaceAll('\u00a0', ' ');
  await shot('plan');
}

try {
  await visit();
} catch (error) {
  await shot('failed');
  throw new Error(`${error.message}\nby then: ${seen.complaints.join('\n')}`);
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(seen));
