<?php
// PHP's extension memcached, in the text and in the binary protocol, with a login, and as the store of PHP's sessions.
// SERVER is the address of a server with --debug-commands, LOGIN_SERVER of a server that requires a login. Prints TAP.
declare(strict_types=1);

// Sessions cannot start after output.
ob_start();
[$count, $failed] = [0, false];

function test(string $name, callable $body): void
{
    global $count, $failed;
    $count++;
    try {
        $body();
        echo "ok $count - $name\n";
    } catch (Throwable $error) {
        $failed = true;
        echo "not ok $count - $name\n# ", str_replace("\n", "\n# ", (string) $error), "\n";
    }
}

function equal(mixed $wanted, mixed $got): void
{
    if ($wanted !== $got) {
        throw new Exception(substr('got ' . var_export($got, true), 0, 300) . ', not '
            . substr(var_export($wanted, true), 0, 300));
    }
}

function advance_clock(int $secs): void
{
    $socket = stream_socket_client('tcp://' . getenv('SERVER'));
    fwrite($socket, "debugtime $secs\r\n");
    equal("OK\r\n", fgets($socket));
    fclose($socket);
}

function connected(bool $binary, string $variable = 'SERVER'): Memcached
{
    [$host, $port] = explode(':', getenv($variable));
    $client = new Memcached();
    $client->setOption(Memcached::OPT_BINARY_PROTOCOL, $binary);
    $client->setOption(Memcached::OPT_POLL_TIMEOUT, 120_000);
    $client->addServer($host, (int) $port);
    return $client;
}

foreach ([false, true] as $binary) {
    $in = $binary ? 'binary' : 'text';
    $client = connected($binary);
    $fresh = function (callable $body) use ($client): callable {
        return function () use ($client, $body): void {
            equal(true, $client->flush());
            $body($client);
        };
    };

    test("$in: values come back in their type", $fresh(function (Memcached $client): void {
        $bytes = implode('', array_map('chr', range(0, 255)));
        $values = ['text', 'żółć ☃', $bytes, '', 42, -1, 1.5, true, null, ['a' => [1, 2]], str_repeat('v', 1_000_000)];
        foreach ($values as $value) {
            equal(true, $client->set('k', $value));
            equal($value, $client->get('k'));
            equal(Memcached::RES_SUCCESS, $client->getResultCode());
        }
        equal(false, $client->get('missing'));
        equal(Memcached::RES_NOTFOUND, $client->getResultCode());
    }));

    test("$in: a value over the limit is refused and the connection stays usable", $fresh(function (Memcached $client): void {
        $client->setOption(Memcached::OPT_COMPRESSION, false);
        $client->set('k', 'old');
        equal(false, $client->set('k', str_repeat('v', 1 << 20)));
        equal(Memcached::RES_E2BIG, $client->getResultCode());
        equal(false, $client->get('k'));
        equal(true, $client->set('k', 'new'));
        equal('new', $client->get('k'));
    }));

    test("$in: stores check their condition", $fresh(function (Memcached $client): void {
        equal(false, $client->replace('k', 'lost'));
        equal(false, $client->append('k', 'lost'));
        equal(true, $client->add('k', 'and'));
        equal(false, $client->add('k', 'second'));
        equal(true, $client->append('k', ' cheese'));
        equal(true, $client->prepend('k', 'bread '));
        equal('bread and cheese', $client->get('k'));
        equal(true, $client->replace('k', 'ham'));
        equal(true, $client->delete('k'));
        equal(false, $client->delete('k'));
    }));

    test("$in: cas stores only over the value that was read", $fresh(function (Memcached $client): void {
        $client->set('k', 'read');
        ['value' => $value, 'cas' => $unique] = $client->get('k', null, Memcached::GET_EXTENDED);
        equal('read', $value);
        equal(true, $client->cas($unique, 'k', 'written'));
        equal(false, $client->cas($unique, 'k', 'too late'));
        equal(Memcached::RES_DATA_EXISTS, $client->getResultCode());
        equal('written', $client->get('k'));
    }));

    test("$in: many keys are stored, read and deleted at once", $fresh(function (Memcached $client): void {
        $pairs = [];
        for ($number = 0; $number < 500; $number++) {
            $pairs["key-$number"] = $number;
        }
        equal(true, $client->setMulti($pairs));
        $got = $client->getMulti([...array_keys($pairs), 'missing'], Memcached::GET_PRESERVE_ORDER);
        equal([...$pairs, 'missing' => null], $got);
        equal(true, $client->getDelayed(array_keys($pairs), true));
        equal(500, count($client->fetchAll()));
        equal(array_fill_keys(array_keys($pairs), true), $client->deleteMulti(array_keys($pairs)));
        equal([], $client->getMulti(array_keys($pairs)));
    }));

    test("$in: numbers are incremented", $fresh(function (Memcached $client) use ($binary): void {
        equal(false, $client->increment('n'));
        if ($binary) {
            equal(40, $client->increment('n', 1, 40));
        } else {
            $client->set('n', 40);
        }
        equal(42, $client->increment('n', 2));
        equal(0, $client->decrement('n', 50));
    }));

    test("$in: touch and exptimes take effect", $fresh(function (Memcached $client): void {
        // libmemcached waits for more bytes after the reply to a binary touch until its timeout, with memcached as well.
        $client->setOption(Memcached::OPT_POLL_TIMEOUT, 3000);
        equal(false, $client->touch('k', 100));
        $client->set('k', 'v', 10);
        $client->set('touched', 'v', 10);
        equal(true, $client->touch('touched', 100));
        $client->setOption(Memcached::OPT_POLL_TIMEOUT, 120_000);
        advance_clock(20);
        equal([false, 'v'], [$client->get('k'), $client->get('touched')]);
    }));

    test("$in: stores without waiting arrive", $fresh(function (Memcached $client) use ($binary): void {
        $hasty = connected($binary);
        $hasty->setOption(Memcached::OPT_NO_BLOCK, true);
        $hasty->setOption(Memcached::OPT_NOREPLY, true);
        for ($number = 0; $number < 300; $number++) {
            $hasty->set('k', $number);
        }
        $hasty->setOption(Memcached::OPT_NOREPLY, false);
        equal(299, $hasty->get('k'));
    }));

    test("$in: statistics are complete", $fresh(function (Memcached $client): void {
        $client->set('k', 'v');
        $figures = $client->getStats()[getenv('SERVER')];
        equal(['1.6.45', 1], [$figures['version'], (int) $figures['curr_items']]);
        equal([getenv('SERVER') => '1.6.45'], $client->getVersion());
        equal('v', $client->get('k'));
    }));
}

test('a login succeeds, a wrong login is refused', function (): void {
    $client = connected(true, 'LOGIN_SERVER');
    $client->setSaslAuthData('ann', 'secret');
    equal(true, $client->set('k', 'v'));
    equal('v', $client->get('k'));
    $wrong = connected(true, 'LOGIN_SERVER');
    $wrong->setSaslAuthData('ann', 'wrong');
    equal(false, $wrong->get('k'));
    equal(false, connected(true, 'LOGIN_SERVER')->get('k'));
});

foreach (['Off', 'On'] as $binary) {
    test("sessions are stored and locked, binary protocol $binary", function () use ($binary): void {
        ini_set('session.use_cookies', '0');
        ini_set('session.cache_limiter', '');
        ini_set('session.save_handler', 'memcached');
        ini_set('session.save_path', getenv('SERVER'));
        ini_set('memcached.sess_binary_protocol', $binary);
        ini_set('memcached.sess_lock_retries', '1');
        $id = session_create_id();
        session_id($id);
        session_start();
        $_SESSION['basket'] = ['żółć', 42];
        $client = connected(false);
        equal('1', $client->get("memc.sess.key.lock.$id"));
        session_write_close();
        equal(false, $client->get("memc.sess.key.lock.$id"));
        $_SESSION = [];
        session_start();
        equal(['basket' => ['żółć', 42]], $_SESSION);
        session_destroy();
        equal(false, $client->get("memc.sess.key.$id"));
    });
}

echo "1..$count\n";
exit($failed ? 1 : 0);
