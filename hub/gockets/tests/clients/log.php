<?php
// A hook as the document's example has it: /log.php. One line for each message.
$line = implode(' ', [
    $_GET['room'],
    $_SERVER['HTTP_X_GOCKETS_EVENT'],
    $_SERVER['HTTP_X_GOCKETS_CHANNEL'],
    $_SERVER['CONTENT_TYPE'],
    file_get_contents('php://input'),
]);
file_put_contents(getenv('GOCKETS_LOG'), $line . "\n", FILE_APPEND | LOCK_EX);
