# Perl's three clients: Cache::Memcached, Cache::Memcached::Fast (both text), Memcached::libmemcached (text and binary).
# SERVER is the address of a server with --debug-commands. Prints TAP.
use strict;
use warnings;
use utf8;
use Encode qw(encode);
use IO::Socket::INET;
use Test::More;

use Cache::Memcached;
use Cache::Memcached::Fast;
use Memcached::libmemcached qw(MEMCACHED_BEHAVIOR_BINARY_PROTOCOL);

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);
my $server = $ENV{SERVER};
my $bytes = join '', map { chr } 0 .. 255;
my $text  = encode 'UTF-8', 'żółć ☃';
my $large = 'v' x 1_000_000;

# Advances the server's clock.
sub advance_clock {
    my $socket = IO::Socket::INET->new($server) or die "no connection: $!";
    print $socket "debugtime $_[0]\r\n";
    my $reply = <$socket>;
    die "the reply to debugtime is $reply" if $reply ne "OK\r\n";
}

# Tests of the methods that both object-oriented clients have.
sub test_text_client {
    my ($client) = @_;
    for my $value ('text', '', $text, $bytes, $large) {
        ok $client->set('k', $value), 'a value is stored';
        is $client->get('k'), $value, 'and comes back';
    }
    ok $client->set('list', ['a', { b => [1, 2] }]), 'a structure is stored';
    is_deeply $client->get('list'), ['a', { b => [1, 2] }], 'and comes back';
    is $client->get('missing'), undef, 'a missing key has no value';

    ok !$client->set('k', 'v' x (1 << 20)), 'a value over the limit is refused';
    is $client->get('k'), undef, 'and the old value is removed';

    ok !$client->replace('c', 'lost'), 'replace needs an existing value';
    ok !$client->append('c', 'lost'), 'append needs an existing value';
    ok $client->add('c', 'and'), 'add stores the first';
    ok !$client->add('c', 'second'), 'and not the second';
    ok $client->append('c', ' cheese'), 'append';
    ok $client->prepend('c', 'bread '), 'prepend';
    is $client->get('c'), 'bread and cheese', 'in order';
    ok $client->delete('c'), 'delete';
    ok !$client->delete('c'), 'only once';

    my %pairs = map { ("key-$_" => "value $_") } 1 .. 500;
    $client->set($_, $pairs{$_}) for keys %pairs;
    is_deeply $client->get_multi(keys(%pairs), 'missing'), \%pairs, '500 values at once';

    ok !$client->incr('n', 1), 'incr creates no number';
    $client->set('n', 40);
    is $client->incr('n', 2), 42, 'incr';
    is $client->decr('n', 50) + 0, 0, 'decr stops at 0';

    $client->set('short', 'v', 10);
    $client->set('long', 'v', 1000);
    advance_clock(20);
    is_deeply $client->get_multi('short', 'long'), { long => 'v' }, 'exptimes take effect';
    ok $client->flush_all, 'flush_all';
    is $client->get('long'), undef, 'empties the server';
}

subtest 'Cache::Memcached' => sub {
    my $client = Cache::Memcached->new({ servers => [$server] });
    test_text_client($client);
    $client->set('k', 'v');
    my $figures = $client->stats('misc')->{hosts}{$server}{misc};
    is $figures->{version}, '1.6.45', 'stats report the version';
    is $figures->{curr_items}, 1, 'and count items';
    is $client->get('k'), 'v', 'and are complete';
};

subtest 'Cache::Memcached::Fast' => sub {
    my $client = Cache::Memcached::Fast->new({ servers => [$server], utf8 => 1, io_timeout => 120 });
    my $plain = Cache::Memcached::Fast->new({ servers => [$server], io_timeout => 120 });
    test_text_client($plain);
    ok $client->set('ключ', 'żółć ☃'), 'key and value are UTF-8';
    is $client->get('ключ'), 'żółć ☃', 'and come back as characters';

    $client->set('k', 'read');
    my ($unique, $value) = @{ $client->gets('k') };
    is $value, 'read', 'gets';
    ok $client->cas('k', $unique, 'written'), 'cas over the value that was read';
    ok !$client->cas('k', $unique, 'too late'), 'and not over another value';
    is $client->get('k'), 'written', 'which is kept';
    is_deeply scalar $client->set_multi(['a', 1], ['b', 2]), { a => 1, b => 1 }, 'several values at once';
    is_deeply scalar $client->delete_multi('a', 'b'), { a => 1, b => 1 }, 'deleted at once';

    $client->set($_, 'v', 10) for 'k', 'touched', 'gat';
    ok $client->touch('touched', 100), 'touch';
    is $client->gat(100, 'gat'), 'v', 'gat';
    advance_clock(20);
    is_deeply $client->get_multi('k', 'touched', 'gat'), { touched => 'v', gat => 'v' }, 'extend the lifetime';
    is_deeply $client->server_versions, { $server => '1.6.45' }, 'version';

    $client->set('nowait', $_) for 1 .. 300;
    $client->nowait_push;
    is $client->get('nowait'), 300, 'stores without waiting arrive';
};

for my $binary (0, 1) {
    subtest 'Memcached::libmemcached, ' . ($binary ? 'binary' : 'text') => sub {
        my $client = Memcached::libmemcached->new;
        my ($host, $port) = split /:/, $server;
        ok $client->memcached_behavior_set(MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, $binary), 'the protocol is set';
        ok $client->memcached_server_add($host, $port), 'a server is added';
        ok $client->memcached_flush(0), 'flush';
        for my $value ('text', $text, $bytes, $large) {
            ok $client->memcached_set('k', $value), 'a value is stored';
            is $client->memcached_get('k'), $value, 'and comes back';
        }
        ok !$client->memcached_set('k', 'v' x (1 << 20)), 'a value over the limit is refused';
        ok !$client->memcached_replace('c', 'lost'), 'replace needs an existing value';
        ok $client->memcached_add('c', 'and'), 'add stores the first';
        ok !$client->memcached_add('c', 'second'), 'and not the second';
        ok $client->memcached_append('c', ' cheese'), 'append';
        ok $client->memcached_prepend('c', 'bread '), 'prepend';
        is $client->memcached_get('c'), 'bread and cheese', 'in order';
        $client->memcached_set('n', 40);
        ok $client->memcached_increment('n', 2, my $number = 0), 'increment';
        is $number, 42, 'adds';
        ok $client->memcached_decrement('n', 50, $number), 'decrement';
        is $number, 0, 'stops at 0';
        my %pairs = map { ("key-$_" => "value $_") } 1 .. 500;
        $client->memcached_set($_, $pairs{$_}) for keys %pairs;
        my %got;
        ok $client->memcached_mget_into_hashref([keys %pairs], \%got), 'mget';
        is_deeply \%got, \%pairs, 'returns 500 values';
        $client->memcached_set('short', 'v', 10);
        advance_clock(20);
        is $client->memcached_get('short'), undef, 'exptimes take effect';
        ok $client->memcached_delete('c'), 'delete';
        ok !$client->memcached_delete('c'), 'only once';
    };
}

done_testing;
