<?php
function encode(string $data): string {
    return rtrim(strtr(base64_encode($data), '+/', '-_'), '=');
}

$secret = rtrim(file_get_contents('token.secret'));
$now = time();
$claims = ['sub' => 'ada', 'iat' => $now, 'exp' => $now + 3600, 'channels' => ['orders' => ['subscribe', 'history']]];
$signed = encode('{"alg":"HS256","typ":"JWT"}') . '.' . encode(json_encode($claims));
echo $signed . '.' . encode(hash_hmac('sha256', $signed, $secret, true)), "\n";
