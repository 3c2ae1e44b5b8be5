// The report as plain text.
var writeReport = (function () {
  function pad(text, width) {
    text = String(text);
    while (text.length < width) text += ' ';
    return text;
  }

  function ms(value) {
    return value === null ? '-' : value + ' ms';
  }

  return function (page, conclusion, results, facts, network) {
    var lines = ['Polysocket doctor, ' + page.at, page.url, page.browser];
    var i;
    if (page.pretend) lines.push('Pretending that WebSockets are: ' + page.pretend);
    lines.push('', conclusion.headline, conclusion.advice, '');
    lines.push(pad('transport', 11) + pad('result', 9) + pad('open', 10) + pad('round trip', 12) + 'in words');
    for (i = 0; i < words.names.length; i++) {
      var name = words.names[i];
      var one = results[name];
      lines.push(pad(name, 11) + pad(one.state, 9) + pad(ms(one.tried.openMs), 10) + pad(ms(one.tried.roundTripMs), 12) + one.words);
    }
    lines.push('', 'This browser');
    for (i = 0; i < engine.features.length; i++) {
      var feature = engine.features[i];
      lines.push('  ' + (feature.has ? 'yes  ' : 'NO   ') + feature.name + (feature.has ? '' : ': ' + feature.without));
    }
    lines.push('', 'The way to the server' + (facts.relay ? ' (relay: ' + facts.relay + ')' : ''));
    for (i = 0; i < network.length; i++) {
      var fact = facts[network[i].fact];
      lines.push('  ' + pad(fact ? fact.how : 'not tried', 10) + pad(fact ? ms(fact.ms) : '', 10) + network[i].name);
    }
    return lines.join('\n') + '\n';
  };
})();
