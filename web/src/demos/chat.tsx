import { mount } from '../ui/site';
import { ChatPage } from './chatpage';

mount(ChatPage);
