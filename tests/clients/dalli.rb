# Dalli, the client of Rails, in the binary protocol, without and with a login.
# SERVER is the address of a server with --debug-commands, LOGIN_SERVER of a server that requires a login. Prints TAP.
require 'dalli'
require 'socket'

Dalli.logger.level = Logger::FATAL
SERVER = ENV.fetch('SERVER')
LOGIN_SERVER = ENV.fetch('LOGIN_SERVER')
$stdout.sync = true
$count = 0

def test(name)
  client = Dalli::Client.new(SERVER, socket_timeout: 120)
  client.flush
  yield client
  puts "ok #{$count += 1} - #{name}"
rescue StandardError => e
  puts "not ok #{$count += 1} - #{name}", "# #{e.full_message(highlight: false)}".gsub("\n", "\n# ")
  $failed = true
ensure
  client.close
end

def equal(wanted, got)
  raise "got #{got.inspect[0, 200]}, not #{wanted.inspect[0, 200]}" unless wanted == got
end

def refused(error)
  yield
rescue error
  nil
else
  raise "no #{error}"
end

def advance_clock(secs)
  host, port = SERVER.split(':')
  TCPSocket.open(host, port) do |socket|
    socket.write("debugtime #{secs}\r\n")
    equal "OK\r\n", socket.gets
  end
end

test 'values come back in their type' do |client|
  ['text', 'żółć ☃', '', 42, nil, 1.5, [1, { 'a' => :b }]].each do |value|
    client.set('k', value)
    equal value, client.get('k')
  end
  [(0..255).to_a.pack('C*'), 'v' * 1_000_000].each do |value|
    client.set('k', value, nil, raw: true)
    equal value, client.get('k').b
  end
  equal nil, client.get('missing')
end

test 'keys may be UTF-8' do |client|
  client.set('ключ', 'v')
  equal 'v', client.get('ключ')
end

test 'a value over the limit is refused and the connection stays usable' do |client|
  limitless = Dalli::Client.new(SERVER, value_max_bytes: 1 << 24, socket_timeout: 120)
  client.set('k', 'old')
  refused(Dalli::DalliError) { limitless.set('k', Random.new(1).bytes(1 << 20), nil, raw: true) }
  equal nil, limitless.get('k')
  limitless.set('k', 'new')
  equal 'new', client.get('k')
end

test 'stores check their condition' do |client|
  equal 0, client.replace('k', 'lost')
  equal false, client.append('k', 'lost')
  raise 'add' unless client.add('k', 'and', nil, raw: true)
  equal false, client.add('k', 'second')
  client.append('k', ' cheese')
  client.prepend('k', 'bread ')
  equal 'bread and cheese', client.get('k')
  raise 'replace' unless client.replace('k', 'ham')
  equal 'ham', client.get('k')
  equal true, client.delete('k')
  equal nil, client.delete('k')
end

test 'cas stores only over the value that was read' do |client|
  client.set('k', 'read')
  value, unique = client.get_cas('k')
  equal 'read', value
  raise 'set_cas' unless client.set_cas('k', 'written', unique)
  equal false, client.set_cas('k', 'too late', unique)
  equal false, client.delete_cas('k', unique)
  raise 'cas' unless client.cas('k') { |read| "#{read} again" }
  equal 'written again', client.get('k')
end

test 'many keys are stored and read at once' do |client|
  pairs = (1..500).to_h { |number| ["key-#{number}", number] }
  client.multi { pairs.each { |key, value| client.set(key, value) } }
  equal pairs, client.get_multi(*pairs.keys, 'missing')
end

test 'numbers are created and incremented' do |client|
  equal nil, client.incr('n')
  equal 40, client.incr('n', 1, nil, 40)
  equal 42, client.incr('n', 2)
  equal 0, client.decr('n', 50)
end

test 'touch, gat and exptimes take effect' do |client|
  equal nil, client.touch('touched', 100)
  %w[k touched gat].each { |key| client.set(key, 'v', 10) }
  equal true, client.touch('touched', 100)
  equal 'v', client.gat('gat', 100)
  advance_clock 20
  equal [nil, 'v', 'v'], %w[k touched gat].map { |key| client.get(key) }
end

test 'fetch stores the value of the block' do |client|
  equal 'made', client.fetch('k', 100) { 'made' }
  equal 'made', client.fetch('k', 100) { raise 'it is there' }
end

test 'flush empties the server' do |client|
  client.set('k', 'v')
  equal [true], client.flush
  equal nil, client.get('k')
end

test 'statistics are complete' do |client|
  client.set('k', 'v')
  figures = client.stats.fetch(SERVER)
  equal %w[1 1.6.45], figures.values_at('curr_items', 'version')
  equal (64 << 20).to_s, client.stats(:settings).fetch(SERVER).fetch('maxbytes')
  equal({ SERVER => '1.6.45' }, client.version)
  equal 'v', client.get('k')
end

test 'a login succeeds, a wrong login is refused' do
  client = Dalli::Client.new(LOGIN_SERVER, username: 'ann', password: 'secret', socket_timeout: 120)
  client.set('k', 'v')
  equal 'v', client.get('k')
  refused(Dalli::DalliError) { Dalli::Client.new(LOGIN_SERVER, username: 'ann', password: 'wrong').get('k') }
  refused(Dalli::DalliError) { Dalli::Client.new(LOGIN_SERVER).get('k') }
end

puts "1..#{$count}"
exit($failed ? 1 : 0)
