<?php
// What the original's PHP client expected of a server, asked as PHP users ask: with streams, and with curl where that
// is there. Arguments: http://host:port, and 1 or 2 for the generation of routes.
[, $base, $generation] = $argv;
$show = $generation === '1' ? '/channel' : '/channel/show';

class ChannelNotFoundException extends Exception {}

function ask(string $method, string $path, ?string $body = null): array
{
    global $base;
    $context = stream_context_create(['http' => [
        'method' => $method,
        'header' => $body === null ? '' : "Content-Type: application/json\r\n",
        'content' => $body ?? '',
        'ignore_errors' => true,
        'timeout' => 10,
    ]]);
    $text = file_get_contents($base . $path, false, $context);
    preg_match('~^HTTP/\S+ (\d+)~', $http_response_header[0], $status);
    return answer((int) $status[1], $text);
}

function askWithCurl(string $method, string $path, ?string $body = null): array
{
    global $base;
    $curl = curl_init($base . $path);
    curl_setopt_array($curl, [CURLOPT_CUSTOMREQUEST => $method, CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 10]);
    if ($body !== null) {
        curl_setopt_array($curl, [CURLOPT_POSTFIELDS => $body, CURLOPT_HTTPHEADER => ['Content-Type: application/json']]);
    }
    $text = curl_exec($curl);
    return answer(curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $text);
}

function answer(int $status, string $text): array
{
    $answer = json_decode($text, true, 512, JSON_THROW_ON_ERROR);
    if ($status === 404) {
        expect(isset($answer['type'], $answer['message']), "a 404 says type and message: $text");
        throw new ChannelNotFoundException($answer['message']);
    }
    return $answer + ['status' => $status];
}

function expect(bool $holds, string $what): void
{
    if (!$holds) {
        fwrite(STDERR, "not so: $what\n");
        exit(1);
    }
}

function succeeded(array $answer): bool
{
    return $answer['type'] !== 'ERR';
}

function isNotFound(callable $ask): bool
{
    try {
        $ask();
        return false;
    } catch (ChannelNotFoundException $exception) {
        return $exception->getMessage() !== '';
    }
}

foreach (function_exists('curl_init') ? ['ask', 'askWithCurl'] : ['ask'] as $ask) {
    expect(in_array($ask('GET', $show)['channels'], [null, []], true), 'nothing is listed at first');

    // A client without options sends [] or nothing.
    foreach (['[]', null] as $body) {
        $bare = $ask('POST', '/channel/prepare', $body);
        expect($bare['subscriber_message_hook_url'] === null, 'no hook is null');
        expect($bare['listeners'] === 0, 'nobody listens');
        expect(array_key_exists('tag', $bare) && $bare['tag'] === null, 'no tag is null');
        expect(strlen($bare['publisher_token']) === 32 && strlen($bare['subscriber_token']) === 32, 'tokens');
        expect($bare['publisher_key'] === $bare['publisher_token'], 'keys by the name in the document');
        $closed = $ask('DELETE', "/channel/publish/{$bare['publisher_token']}");
        expect(succeeded($closed) && $closed['type'] === 'OK', 'closed');
    }

    $channel = $ask('POST', '/channel/prepare', json_encode([
        'subscriber_message_hook_url' => 'http://localhost/log.php',
        'tag' => 'php',
    ]));
    $token = $channel['publisher_token'];
    expect($channel['subscriber_message_hook_url'] === 'http://localhost/log.php', 'the hook');
    $shown = $ask('GET', "$show/$token");
    expect($shown['subscriber_token'] === $channel['subscriber_token'] && $shown['tag'] === 'php', 'shown');
    expect(count($ask('GET', $show)['channels']) === 1, 'listed');

    $published = $ask('POST', "/channel/publish/$token", json_encode(['message' => 'hello', 'n' => 1]));
    expect(succeeded($published) && $published['type'] === 'INF', 'published to nobody');

    if ($generation === '2') {
        expect(count($ask('GET', "$show?search=" . urlencode('^ph'))['channels']) === 1, 'found');
        expect(count($ask('GET', "$show?search=nothing")['channels']) === 0, 'not found');
        $edited = $ask('PATCH', "/channel/edit/$token", json_encode(['tag' => 'other']));
        expect($edited['tag'] === 'other' && $edited['subscriber_message_hook_url'] === null, 'edited');
    }

    expect($ask('DELETE', "/channel/publish/$token")['type'] === 'OK', 'closed');
    $unknown = [
        fn () => $ask('GET', "$show/$token"),
        fn () => $ask('POST', "/channel/publish/$token", '"x"'),
        fn () => $ask('DELETE', "/channel/publish/$token"),
    ];
    if ($generation === '2') {
        $unknown[] = fn () => $ask('PATCH', "/channel/edit/$token", '{}');
    }
    foreach ($unknown as $index => $again) {
        expect(isNotFound($again), "an unknown token is not found ($ask, $index)");
    }
}
echo "all expectations hold\n";
