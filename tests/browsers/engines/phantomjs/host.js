// PhantomJS's side of a tab: opens the page and says on stdout what happens there, one line each.

var system = require('system');
var page = require('webpage').create();

function say(kind, text) {
  system.stdout.writeLine(kind + ': ' + String(text).replace(/\n/g, ' | '));
}

page.onConsoleMessage = function (message) {
  say('log', message);
};
page.onError = function (message, trace) {
  say('uncaught', message + ' at ' + trace.map(function (at) {
    return at.file + ':' + at.line;
  }).join(', '));
};
page.open(system.args[1], function (status) {
  say('opened', status);
});
